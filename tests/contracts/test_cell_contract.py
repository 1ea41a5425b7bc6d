"""What every registered cell must be under every registered rule, unasked."""

from __future__ import annotations

import copy
import itertools
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

from optcell_search import OptCell, registry
from optcell_search.cells import Cell, SequenceModel, State
from optcell_search.hyperparameters import Choice, specification
from optcell_search.kernels import recur
from optcell_search.rules import apply_rule

NAMES = registry.cells.names()


def variants(name: str) -> list[Cell]:
    """Return the cell with its defaults, and once with every other option of every choice."""
    cls = registry.cells.get(name)
    others = [
        cls(**{key: option})
        for key, spec in specification(cls).items()
        if isinstance(spec, Choice)
        for option in spec.options
        if option != spec.default
    ]
    return [cls(), *others]


CELLS = [cell for name in NAMES for cell in variants(name)]
PAIRS = [
    pytest.param(cell, rule, id=f"{cell.name}{'-'.join(map(str, cell.values().values()))}-{rule}")
    for cell, rule in itertools.product(CELLS, registry.rules.names())
]
with_pairs = pytest.mark.parametrize(("cell", "rule"), PAIRS)


def make(cell: Cell, rule: str, **arguments: object) -> OptCell:
    torch.manual_seed(0)
    return OptCell(3, 8, cell=cell, rule=rule, dtype=torch.float64, **arguments).eval()  # type: ignore[arg-type]


def sequence(T: int, B: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, B, 3, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("name", NAMES)
def test_it_describes_itself(name: str) -> None:
    cell = registry.cells.get(name)
    assert cell.name == name
    assert all((cell.title, cell.equation, cell.citation, cell.__doc__))


@with_pairs
def test_it_is_its_own_projection_and_step_with_the_rule_between(cell: Cell, rule: str) -> None:
    """Filtering the input, torch's kernels and all else that is fast must change nothing."""
    module = make(cell, rule)
    x = sequence(11)
    weights = cell.prepare(module._weights(0))
    u, _ = apply_rule(module.rule, module.rule_values(), cell.input_projection(weights, x, None))
    aside = cell.bypass(weights, x)
    u = u if aside is None else torch.cat([u, aside], -1)
    expected = recur(partial(cell.step, weights), u, cell.initial(2, 8, x))[0]
    torch.testing.assert_close(module(x)[0], expected, rtol=1e-11, atol=1e-12)


@with_pairs
@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, 10), max_size=4))
def test_any_pieces_give_what_the_whole_gives(cell: Cell, rule: str, cuts: list[int]) -> None:
    module = make(cell, rule, num_layers=2)
    x = sequence(11)
    bounds = sorted({0, *cuts, 11})
    state: State | None = None
    pieces = []
    with torch.no_grad():
        for start, end in itertools.pairwise(bounds):
            output, state = module(x[start:end], state)
            pieces.append(output)
        torch.testing.assert_close(torch.cat(pieces), module(x)[0], rtol=1e-11, atol=1e-12)


@with_pairs
def test_a_packed_batch_is_its_sequences_one_by_one(cell: Cell, rule: str) -> None:
    module = make(cell, rule, num_layers=2, bidirectional=True)
    alone = [sequence(n, 1, seed=n)[:, 0] for n in (4, 1, 6)]
    packed, state = module(pack_sequence(alone, enforce_sorted=False))
    assert isinstance(packed, PackedSequence)
    padded, _ = pad_packed_sequence(packed)
    for index, x in enumerate(alone):
        output, end = module(x)
        torch.testing.assert_close(padded[: len(x), index], output, rtol=1e-11, atol=1e-12)
        for layer, expected in zip(state, end, strict=True):
            for got, part in zip(layer.hidden, expected.hidden, strict=True):
                torch.testing.assert_close(got[index], part[0], rtol=1e-11, atol=1e-12)


@with_pairs
def test_packed_pieces_go_on_each_sequence_from_its_own_step(cell: Cell, rule: str) -> None:
    module = make(cell, rule)
    # Both packings turn the order around, so that a state left in a packing's order shows.
    whole = [sequence(n, 1, seed=n)[:, 0] for n in (5, 9)]
    _, state = module(pack_sequence([whole[0][:3], whole[1][:4]], enforce_sorted=False))
    rest, _ = module(pack_sequence([whole[0][3:], whole[1][4:]], enforce_sorted=False), state)
    padded, _ = pad_packed_sequence(rest)
    for index, (x, cut) in enumerate(zip(whole, (3, 4), strict=True)):
        expected = module(x)[0][cut:]
        torch.testing.assert_close(padded[: len(expected), index], expected, rtol=1e-11, atol=1e-12)


@with_pairs
def test_gradients_of_an_all_zero_input_are_finite(cell: Cell, rule: str) -> None:
    module = make(cell, rule, bias=False).train()
    x = torch.zeros(6, 2, 3, dtype=torch.float64, requires_grad=True)
    module(x)[0].square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


@with_pairs
def test_shapes_layouts_and_precisions(cell: Cell, rule: str) -> None:
    module = make(cell, rule, bidirectional=True, batch_first=True)
    x = sequence(5, 2).transpose(0, 1)
    output, _ = module(x)
    assert module.output_size == 2 * cell.output_size(8)
    assert output.shape == (2, 5, module.output_size)
    torch.testing.assert_close(module(x[1])[0], output[1], rtol=1e-11, atol=1e-12)
    single = copy.deepcopy(module).float()(x.float())[0]
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), output, rtol=1e-3, atol=1e-3)


@with_pairs
def test_a_state_dict_makes_another_module_the_same(cell: Cell, rule: str) -> None:
    first, second = make(cell, rule), make(cell, rule)
    torch.manual_seed(1)
    second.reset_parameters()
    x = sequence(5)
    assert not torch.equal(first(x)[0], second(x)[0])
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(first(x)[0], second(x)[0])


@with_pairs
def test_one_step_of_descent_lowers_the_loss(cell: Cell, rule: str) -> None:
    torch.manual_seed(0)
    model = SequenceModel(3, 2, 8, cell=cell, rule=rule, dtype=torch.float64)
    x = sequence(5, 6).transpose(0, 1)
    target = torch.zeros(6, 2, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.mse_loss(model(x), target)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]


@with_pairs
def test_a_model_read_step_by_step_says_what_it_says_at_the_end(cell: Cell, rule: str) -> None:
    torch.manual_seed(0)
    model = SequenceModel(3, 2, 8, cell=cell, rule=rule, dtype=torch.float64).eval()
    x = sequence(5, 2).transpose(0, 1)
    state: State | None = None
    for t in range(5):
        output, state = model.stream(x[:, t : t + 1], state)
    torch.testing.assert_close(output[:, 0], model(x), rtol=1e-11, atol=1e-12)


@with_pairs
def test_candidates_mapped_over_are_the_candidates_one_by_one(cell: Cell, rule: str) -> None:
    modules = []
    for seed in range(2):
        module = make(cell, rule, num_layers=2, bidirectional=True, learn_rule=True)
        torch.manual_seed(seed)
        module.reset_parameters()
        for value in module.rule_values.parameters():
            value.data += 0.5 * seed
        modules.append(module)
    x = sequence(6)

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        output: Tensor = functional_call(modules[0], (parameters, buffers), (x,))[0]
        return output.square().sum()

    parameters, buffers = stack_module_state(modules)  # type: ignore[arg-type]
    mapped, losses = vmap(grad_and_value(loss))(parameters, buffers)
    for k, module in enumerate(modules):
        own = module(x)[0].square().sum()
        torch.testing.assert_close(losses[k], own, rtol=1e-11, atol=0)
        own.backward()
        for name, parameter in module.named_parameters():
            # A weight that a switch of the cell leaves without a use has none.
            expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(mapped[name][k], expected, rtol=1e-8, atol=1e-11, msg=name)


@pytest.mark.parametrize("rule", registry.rules.names())
@pytest.mark.parametrize("name", NAMES)
def test_a_state_of_other_sequences_is_refused(name: str, rule: str) -> None:
    module = make(registry.cells.get(name)(), rule)
    x = sequence(3, 2)
    _, state = module(x)
    _, of_one = module(x[:, :1])
    single = OptCell(3, 8, cell=name, rule=rule)
    deep = make(registry.cells.get(name)(), rule, num_layers=2)
    for run in (
        lambda: module(sequence(3, 3), state),
        lambda: module(x, of_one),
        lambda: module(x[:, :1], state),
        lambda: module(pack_sequence([x[:3, 0], x[:2, 0], x[:2, 1]]), state),
        lambda: single(x.float(), state),
        lambda: deep(x, state),
    ):
        with pytest.raises(ValueError, match=r"^state .*; valid here: "):
            run()


@pytest.mark.parametrize("rule", registry.rules.names())
@pytest.mark.parametrize("name", NAMES)
def test_no_sequence_gives_no_output_and_no_step_is_refused(name: str, rule: str) -> None:
    module = make(registry.cells.get(name)(), rule)
    x = sequence(4, 0).requires_grad_()
    output, state = module(x)
    assert output.shape == (4, 0, module.output_size)
    module(sequence(2, 0), state)
    (output.sum() + x.sum()).backward()
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())
    with pytest.raises(ValueError, match="input of 0 steps"):
        module(sequence(0, 2))


@pytest.mark.parametrize("rule", registry.rules.names())
@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name: str, rule: str) -> None:
    module = make(registry.cells.get(name)(), rule)
    x = sequence(5)
    plain, state = module(x)
    with torch.autocast("cpu", torch.bfloat16):
        cast, _ = module(x)
        module(x.bfloat16(), state)
        packed, _ = module(pack_sequence([x[:, 0], x[:, 1]]))
    assert torch.equal(plain, cast)
    assert packed.data.dtype == plain.dtype
