"""The cells of this decade against their equations written out: outputs and every gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import written_out_linear as truth
from torch import Tensor

from optcell_search import OptCell, cells, kernels, rules
from optcell_search.cells.state import LayerState, State
from optcell_search.kernels.compiled import build

NO_COMPILER = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))
BACKENDS = ["reference", "torch", pytest.param("compiled", marks=NO_COMPILER)]
Truth = Callable[[Tensor, truth.Weights], Tensor]

CASES: dict[str, tuple[cells.Cell, Truth]] = {
    "lru": (cells.LRU(), truth.lru),
    "lru-2": (cells.LRU(expansion=2, r_min=0.2), truth.lru),
}
FORMS = ("implicit", "implicit_explicit", "damped")
for _form in FORMS:
    CASES[_form] = (
        cells.Oscillator(discretisation=_form),
        lambda u, w, form=_form: truth.oscillator(u, w, form),
    )
for _candidate in ("positive", "identity"):
    CASES[f"min_gru-{_candidate}"] = (
        cells.MinGRU(candidate=_candidate),
        lambda u, w, g=_candidate: truth.min_gru(u, g),
    )
    CASES[f"min_lstm-{_candidate}"] = (
        cells.MinLSTM(candidate=_candidate),
        lambda u, w, g=_candidate: truth.min_lstm(u, g),
    )
for _inner in ("gd", "heavy_ball", "nesterov", "adam", "rmsprop"):
    for _gate in (False, True):
        CASES[f"delta-{_inner}-{_gate}"] = (
            cells.Delta(heads=2, gate=_gate, inner=_inner, s=0.8),
            lambda u, w, i=_inner, gate=_gate: truth.delta(
                u, w, 2, gate, i, {"s": 0.8, "mu": 0.6, "beta": 0.9, "eps": 1.0}
            ),
        )


def relative(got: Tensor, expected: Tensor) -> float:
    difference = (got - expected).detach().abs().max()
    return float(difference / expected.detach().abs().max().clamp(min=1e-300))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sequences", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_equal_the_written_out_equations(
    case: str, sequences: int, backend: str
) -> None:
    cell, written_out = CASES[case]
    torch.manual_seed(0)
    module = OptCell(3, 6, cell=cell, rule=rules.GradientDescent(s=0.7), dtype=torch.float64)
    for parameter in module.parameters():
        parameter.data.mul_(1.3).add_(0.05 * torch.randn_like(parameter))
    x = torch.randn(37, sequences, 3, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(37, sequences, 6, dtype=torch.float64)
    named = {"x": x, **{n.removesuffix("_l0"): p for n, p in module.named_parameters()}}

    with kernels.backend(backend):
        output, _ = module(x)
        gradients = torch.autograd.grad((output * probe).sum(), list(named.values()))
    u = 0.7 * (x @ named["weight_ih"].T + named["bias_ih"])
    expected = written_out(u, named)
    truths = torch.autograd.grad((expected * probe).sum(), list(named.values()))

    assert relative(output, expected) < 1e-10
    for name, gradient, true in zip(named, gradients, truths, strict=True):
        assert relative(gradient, true) < 1e-9, name


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_a_state_pass_on(case: str) -> None:
    """A sequence in two pieces has the gradients of the whole, through every part of the state."""
    torch.manual_seed(0)
    module = OptCell(3, 6, cell=CASES[case][0], rule="adam", dtype=torch.float64)
    x = torch.randn(37, 2, 3, dtype=torch.float64)
    probe = torch.randn(37, 2, 6, dtype=torch.float64)
    whole = torch.autograd.grad((module(x)[0] * probe).sum(), list(module.parameters()))
    first, state = module(x[:17])
    second, _ = module(x[17:], state)
    pieces = (torch.cat([first, second]) * probe).sum()
    for a, b in zip(torch.autograd.grad(pieces, list(module.parameters())), whole, strict=True):
        assert relative(a, b) < 1e-9


@pytest.mark.parametrize("name", ["lru", "oscillator", "min_gru", "min_lstm", "delta"])
def test_half_precision_is_near_single(name: str) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 8, cell=name, rule="heavy_ball")
    x = torch.randn(20, 2, 3)
    expected = module(x)[0]
    got = module.bfloat16()(x.bfloat16())[0]
    assert got.dtype == torch.bfloat16
    assert relative(got.float(), expected) < 0.05


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize("case", ["lru", *FORMS, "min_gru-positive", "min_lstm-identity"])
def test_a_state_of_half_precision_loses_nothing_from_step_to_step(case: str, backend: str) -> None:
    """Step by step it is what the whole gives, as states are kept in single precision."""
    torch.manual_seed(0)
    module = OptCell(3, 16, cell=CASES[case][0], rule="gd").bfloat16()
    x = torch.randn(200, 1, 3).bfloat16()
    truth = copy.deepcopy(module).double()(x.double())[0]
    state, steps = None, []
    with torch.no_grad(), kernels.backend(backend):
        whole, end = module(x)
        for step in x:
            h, state = module(step.unsqueeze(0), state)
            steps.append(h[0])
    assert whole.dtype == steps[-1].dtype == torch.bfloat16
    assert relative(state[0].hidden[-1], end[0].hidden[-1]) < 1e-3
    for got in (whole, torch.stack(steps)):
        assert relative(got.double(), truth) < 0.01
    # A start as narrow as the input is taken for one of single precision.
    narrow = tuple(part.bfloat16() for part in module(x[:1])[1][0].hidden)
    assert module(x, State([LayerState(narrow, state[0].rule)]))[0].dtype == torch.bfloat16


@pytest.mark.parametrize("case", [c for c in CASES if "True" not in c])
def test_under_autocast_a_cell_of_half_precision_goes_on_from_its_own_state(case: str) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 6, cell=CASES[case][0], rule="heavy_ball").bfloat16()
    x = torch.randn(9, 2, 3)
    _, state = module(x[:5].bfloat16())
    plain, _ = module(x[5:].bfloat16(), state)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, state = module(x[:5])
        cast, _ = module(x[5:], state)
    assert torch.equal(cast, plain)
