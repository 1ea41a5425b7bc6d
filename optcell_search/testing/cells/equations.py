"""That a cell describes itself, is what its methods say, and is the same in every layout."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from ... import registry
from ...cells import Cell
from .making import WithEveryRule, by_definition, make, sequence


class Equations(WithEveryRule):
    """What a cell computes."""

    def test_it_describes_itself(self, cell: Cell) -> None:
        assert registry.cells.get(cell.name) is type(cell)
        assert all((cell.title, cell.equation, cell.citation, cell.__doc__))

    def test_it_is_its_own_projection_and_step_with_the_rule_between(
        self, cell: Cell, rule: str
    ) -> None:
        """Filtering the input, torch's kernels and all else that is fast must change nothing."""
        module = make(cell, rule)
        x = sequence(11)
        expected = by_definition(module, x)
        torch.testing.assert_close(module(x)[0], expected, rtol=1e-11, atol=1e-12)

    def test_shapes_layouts_and_precisions(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule, bidirectional=True, batch_first=True)
        x = sequence(5, 2).transpose(0, 1)
        output, _ = module(x)
        assert module.output_size == 2 * cell.output_size(8)
        assert output.shape == (2, 5, module.output_size)
        torch.testing.assert_close(module(x[1])[0], output[1], rtol=1e-11, atol=1e-12)
        single = copy.deepcopy(module).float()(x.float())[0]
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), output, rtol=1e-3, atol=1e-3)

    def test_a_state_dict_makes_another_module_the_same(self, cell: Cell, rule: str) -> None:
        first, second = make(cell, rule), make(cell, rule)
        torch.manual_seed(1)
        second.reset_parameters()
        x = sequence(5)
        assert not torch.equal(first(x)[0], second(x)[0])
        second.load_state_dict(first.state_dict(), strict=True)
        assert torch.equal(first(x)[0], second(x)[0])

    def test_no_sequence_gives_no_output_and_no_step_is_refused(
        self, cell: Cell, rule: str
    ) -> None:
        module = make(cell, rule)
        x = sequence(4, 0).requires_grad_()
        output, state = module(x)
        assert output.shape == (4, 0, module.output_size)
        module(sequence(2, 0), state)
        (output.sum() + x.sum()).backward()
        assert all(p.grad is None or not p.grad.any() for p in module.parameters())
        with pytest.raises(ValueError, match="input of 0 steps"):
            module(sequence(0, 2))

    def test_autocast_changes_nothing(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule)
        x = sequence(5)
        plain, state = module(x)
        with torch.autocast("cpu", torch.bfloat16):
            cast, _ = module(x)
            module(x.bfloat16(), state)
            packed, _ = module(pack_sequence([x[:, 0], x[:, 1]]))
        assert torch.equal(plain, cast)
        assert packed.data.dtype == plain.dtype
