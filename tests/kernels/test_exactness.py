"""Whole cells on every CPU kernel against the readable loop: all that comes out, by name."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from optcell_search import kernels, rules
from optcell_search.cells import OptCell
from optcell_search.hyperparameters import real
from optcell_search.kernels.compiled import build
from optcell_search.rules import Recurrence, Rule
from optcell_search.rules.base import Values

BACKENDS = [
    "native",
    "torch",
    pytest.param(
        "compiled",
        marks=pytest.mark.skipif(build.problem() is not None, reason=str(build.problem())),
    ),
]


@dataclass(frozen=True, kw_only=True)
class TwoAverages(Rule):
    """u_t = v_t + w_t + s z_t, a fast and a slow trace of a growing input."""

    name: ClassVar[str] = "two_averages"
    title: ClassVar[str] = "two averages"
    equation: ClassVar[str] = "u_t = v_t + w_t + s z_t"
    citation: ClassVar[str] = "none"
    linear: ClassVar[bool] = True
    mu: float = real(0.5, search=(0.0, 0.9), valid=(0.0, 1.0))
    s: float = real(0.3, search=(0.05, 2.0), valid=(0.0, 10.0))

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        grown = z * (t / (t + 1)).to(z.dtype)
        decays = p["mu"].expand(1, 1, 1), (p["mu"] / 2).expand(1, 1, 1)
        return tuple(Recurrence(decay, grown) for decay in decays)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        return sum(q, p["s"] * z)


@dataclass(frozen=True, kw_only=True)
class OneAverage(TwoAverages):
    """u_t = v_t / 2 + s z_t: what a kernel takes by its coefficients."""

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        return super().traces(z, t, p)[:1]

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        return q[0] / 2 + p["s"] * z


RULES = {
    "gd": rules.GradientDescent(s=0.7),
    "mu = 0": rules.HeavyBall(mu=0.0),
    "mu near 1": rules.HeavyBall(mu=0.99999, s=0.1),
    "never restarted": rules.Nesterov(restart=0, s=0.2),
    "restart longer than T": rules.Nesterov(restart=50),
    "restart at 8": rules.Nesterov(restart=8),
    "adam": rules.Adam(),
    "adam, mu = 0": rules.Adam(mu=0.0),
    "adam, mu near 1": rules.Adam(mu=0.99999, beta=0.999),
    "rmsprop": rules.RMSProp(),
    "mixture": rules.Mixture(adam_logit=1.5, nesterov_restart=8),
    "a plug-in of one trace": OneAverage(),
    "a plug-in of two traces": TwoAverages(),
}


def leaves(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    assert isinstance(value, tuple)
    return [leaf for part in value for leaf in leaves(part)]


def everything(module: OptCell, x: Tensor) -> dict[str, Tensor]:
    """Output, final state and every gradient of a module whose output and state are used."""
    x = x.detach().requires_grad_()
    output, state = module(x)
    found = {"output": output} | {f"state {i}": leaf for i, leaf in enumerate(leaves(state))}
    loss = x.new_zeros(())
    for value in found.values():
        wave = torch.arange(value.numel(), dtype=torch.float64).cos().to(x.dtype)
        loss = loss + (value * wave.reshape(value.shape)).sum()
    named = {"x": x} | dict(module.named_parameters())
    grads = torch.autograd.grad(loss, list(named.values()))
    return found | {f"gradient of {n}": g for n, g in zip(named, grads, strict=True)}


def check(
    module: OptCell, x: Tensor, backend: str, tolerance: float, floor: float = 1e-290
) -> None:
    with kernels.backend("reference"):
        truth = everything(copy.deepcopy(module).double(), x.double())
    with kernels.backend(backend):
        own = everything(module, x)
    assert own.keys() == truth.keys()
    for name, value in truth.items():
        assert torch.isfinite(own[name]).all(), name
        error = (own[name] - value).abs().max().item()
        # Gradients through saturated gates may be 0 here and 1e-300 there.
        assert error <= max(tolerance * value.abs().max().item(), floor), f"{name}: {error}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_number_of_a_cell_in_float64(cell: str, rule: str, learn: bool, backend: str) -> None:
    # A learned value cannot start at the very end of its range: fixed ones show mu = 0 and mu -> 1.
    torch.manual_seed(0)
    module = OptCell(3, 5, cell=cell, rule=RULES[rule], learn_rule=learn, dtype=torch.float64)
    for T, B in ((1, 1), (37, 3)):
        # Where mu -> 1 saturates a cell, 1 - h^2 is what rounding leaves of it.
        check(module, torch.randn(T, B, 3, dtype=torch.float64), backend, 1e-10, floor=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", ["mu = 0", "restart at 8", "adam", "rmsprop"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_number_of_a_cell_in_float32(cell: str, rule: str, backend: str) -> None:
    torch.manual_seed(0)
    check(OptCell(3, 5, cell=cell, rule=RULES[rule]), torch.randn(37, 3, 3), backend, 1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [0.0, 1e6, 1e-30])
@pytest.mark.parametrize("rule", [rules.HeavyBall(), rules.Nesterov(), rules.Adam()])
def test_inputs_of_any_size_in_two_layers_and_directions(
    rule: Rule, size: float, backend: str
) -> None:
    torch.manual_seed(0)
    # Without biases, so that z of the first layer is as large or small as the input.
    module = OptCell(
        3, 5, rule=rule, num_layers=2, bidirectional=True, bias=False, dtype=torch.float64
    )
    check(module, torch.randn(21, 2, 3, dtype=torch.float64) * size, backend, 1e-10)


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b != "native"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_second_derivative_of_a_cell_is_refused_and_says_what_to_do(
    cell: str, backend: str
) -> None:
    x = torch.randn(4, 2, 3, requires_grad=True)
    with kernels.backend(backend):
        output, _ = OptCell(3, 5, cell=cell, rule="adam")(x)
    (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
    with pytest.raises(
        RuntimeError, match=r'forward pass under optcell_search.kernels.backend\("reference"\)'
    ):
        first.sum().backward()


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize(
    "rule",
    [rules.Adam(beta=0.999, mu=0.3, s=0.1), rules.HeavyBall(mu=0.999, s=0.1), rules.Nesterov()],
    ids=lambda rule: rule.name,
)
def test_bfloat16_is_filtered_by_the_very_values(rule: Rule, backend: str) -> None:
    """In bfloat16 0.999 is 1, and steps beyond 256 are not told apart."""
    torch.manual_seed(0)
    module = OptCell(3, 4, rule=rule)
    x = torch.randn(600, 2, 3).bfloat16()
    truth, _ = module(x.float())
    with kernels.backend(backend):
        own, _ = copy.deepcopy(module).bfloat16()(x)
    assert own.dtype == torch.bfloat16
    assert (own.float() - truth).abs().max() < 0.02
