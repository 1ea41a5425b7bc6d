"""That pieces, packed batches and single steps give what whole sequences give."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

from ...cells import Cell, SequenceModel, State
from ...cells.model.state import ModelState
from ..pieces import partitions
from .making import WithEveryRule, make, sequence


class Sequences(WithEveryRule):
    """How a cell carries its state."""

    def test_any_pieces_give_what_the_whole_gives(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule, num_layers=2)
        x = sequence(7)
        with torch.no_grad():
            whole = module(x)[0]
            for bounds in partitions(7, cuts=3, count=4):
                state: State | None = None
                pieces = []
                for start, end in bounds:
                    output, state = module(x[start:end], state)
                    pieces.append(output)
                torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-11, atol=1e-12)

    def test_a_packed_batch_is_its_sequences_one_by_one(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule, num_layers=2, bidirectional=True)
        alone = [sequence(n, 1, seed=n)[:, 0] for n in (3, 1, 4)]
        packed, state = module(pack_sequence(alone, enforce_sorted=False))
        assert isinstance(packed, PackedSequence)
        padded, _ = pad_packed_sequence(packed)
        for index, x in enumerate(alone):
            output, end = module(x)
            torch.testing.assert_close(padded[: len(x), index], output, rtol=1e-11, atol=1e-12)
            for layer, expected in zip(state, end, strict=True):
                for got, part in zip(layer.hidden, expected.hidden, strict=True):
                    torch.testing.assert_close(got[index], part[0], rtol=1e-11, atol=1e-12)

    def test_packed_pieces_go_on_each_sequence_from_its_own_step(
        self, cell: Cell, rule: str
    ) -> None:
        module = make(cell, rule)
        # Both packings turn the order around, so that a state left in a packing's order shows.
        whole = [sequence(n, 1, seed=n)[:, 0] for n in (5, 9)]
        _, state = module(pack_sequence([whole[0][:3], whole[1][:4]], enforce_sorted=False))
        rest, _ = module(pack_sequence([whole[0][3:], whole[1][4:]], enforce_sorted=False), state)
        padded, _ = pad_packed_sequence(rest)
        for index, (x, cut) in enumerate(zip(whole, (3, 4), strict=True)):
            expected = module(x)[0][cut:]
            got = padded[: len(expected), index]
            torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-12)

    def test_a_model_read_step_by_step_says_what_it_says_at_the_end(
        self, cell: Cell, rule: str
    ) -> None:
        torch.manual_seed(0)
        model = SequenceModel(3, 2, 8, cell=cell, rule=rule, dtype=torch.float64).eval()
        x = sequence(5, 2).transpose(0, 1)
        state: State | ModelState | None = None
        for t in range(5):
            output, state = model.stream(x[:, t : t + 1], state)
        torch.testing.assert_close(output[:, 0], model(x), rtol=1e-11, atol=1e-12)

    def test_a_state_of_other_sequences_is_refused(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule)
        x = sequence(3, 2)
        _, state = module(x)
        _, of_one = module(x[:, :1])
        single = make(cell, rule).float()
        deep = make(cell, rule, num_layers=2)
        runs: tuple[Callable[[], object], ...] = (
            lambda: module(sequence(3, 3), state),
            lambda: module(x, of_one),
            lambda: module(x[:, :1], state),
            lambda: module(pack_sequence([x[:3, 0], x[:2, 0], x[:2, 1]]), state),
            lambda: single(x.float(), state),
            lambda: deep(x, state),
        )
        for run in runs:
            with pytest.raises(ValueError, match=r"^state .*; valid here: "):
                run()
