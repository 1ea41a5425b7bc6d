"""The delta memory: what it recalls, what may stand inside it, and what is refused."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from optcell_search import OptCell, cells, registry, rules
from optcell_search.rules.base import Recurrence, Values


def recalled(cell: cells.Delta, keys: Tensor, values: Tensor) -> Tensor:
    """What S holds for each key once all pairs are written with step size 1; keys (T, d)."""
    d = keys.shape[1]
    module = OptCell(3 * d + 1, d, cell=cell, rule=rules.GradientDescent(s=1), bias=False)
    module = module.double()
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.eye(3 * d + 1))
    write = torch.full((len(keys), 1), 50.0, dtype=torch.float64)  # a logit: step size 1
    x = torch.cat([keys, keys, values, write], 1)
    again = torch.cat([keys, keys, values, -10 * write], 1)  # reads alone
    _, state = module(x)
    return module(again, state)[0]


def test_orthonormal_keys_are_recalled_exactly() -> None:
    torch.manual_seed(0)
    # What SiLU and the length leave of these are the unit vectors, to 1e-14.
    keys = 1e4 * torch.eye(8, dtype=torch.float64)
    values = torch.randn(8, 8, dtype=torch.float64)
    cell = cells.Delta(heads=1)
    torch.testing.assert_close(recalled(cell, keys, values), values, rtol=1e-12, atol=1e-12)


def test_a_key_written_twice_recalls_what_came_last() -> None:
    torch.manual_seed(0)
    keys = 1e4 * torch.eye(8, dtype=torch.float64)[[0, 1, 0]]
    values = torch.randn(3, 8, dtype=torch.float64)
    found = recalled(cells.Delta(heads=1), keys, values)
    torch.testing.assert_close(found, values[[2, 1, 2]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inner", ["heavy_ball", "nesterov", "adam", "rmsprop"])
def test_a_rule_inside_is_another_memory_than_one_outside(inner: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(9, 2, 3)
    outputs = []
    for where in ("inside", "outside", "nowhere"):
        torch.manual_seed(0)
        cell = cells.Delta(inner=inner if where == "inside" else "gd")
        rule = inner if where == "outside" else rules.GradientDescent(s=1)
        outputs.append(OptCell(3, 8, cell=cell, rule=rule)(x)[0])
    inside, outside, nowhere = outputs
    assert not torch.allclose(inside, outside, atol=1e-3)
    assert not torch.allclose(inside, nowhere, atol=1e-3)


@dataclass(frozen=True, kw_only=True)
class Signed(rules.Rule):
    """A rule of a user's own, not linear and no Adam."""

    name: ClassVar[str] = "signed"
    title: ClassVar[str] = "sign of the momentum"
    equation: ClassVar[str] = "v = v / 2 + z; u = tanh v"
    citation: ClassVar[str] = "none"
    linear: ClassVar[bool] = False

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        return (Recurrence(z.new_full((1, 1, 1), 0.5), z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        return torch.tanh(q[0])


@dataclass(frozen=True, kw_only=True)
class Lagged(Signed):
    """A rule that looks at the step before, which it cannot have inside."""

    name: ClassVar[str] = "lagged"

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        before = torch.cat([torch.zeros_like(z[:1]), z[:-1]])
        return (Recurrence(z.new_full((1, 1, 1), 0.5), z - before),)


@pytest.fixture
def own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = {**registry.rules._plugins, "signed": Signed, "lagged": Lagged}
    monkeypatch.setitem(vars(registry.rules), "_plugins", plugins)


@pytest.mark.usefixtures("own_rules")
def test_a_rule_of_ones_own_works_inside() -> None:
    torch.manual_seed(0)
    module = OptCell(3, 8, cell=cells.Delta(inner="signed"), rule="heavy_ball").double()
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    whole, _ = module(x)
    first, state = module(x[:4])
    torch.testing.assert_close(torch.cat([first, module(x[4:], state)[0]]), whole)
    S = V = torch.zeros(2, 4, 2, 2, dtype=torch.float64)
    z = x @ module.weight_ih_l0.T + module.bias_ih_l0
    u_t, trace = [], torch.zeros_like(z[0])
    for z_t in z:
        trace = 0.6 * trace + 0.6 * z_t
        u_t.append(trace)
    for t, row in enumerate(u_t):
        q, k, v = (part.reshape(2, 4, 2) for part in row[:, :24].chunk(3, 1))
        q, k = (torch.nn.functional.silu(part) for part in (q, k))
        q, k = (part * (part.square().sum(-1, keepdim=True) + 1e-6).rsqrt() for part in (q, k))
        error = (S @ k[..., None])[..., 0] - v
        V = V / 2 + error[..., None] * k[..., None, :]
        S = S - row[:, 24:].sigmoid()[..., None, None] * torch.tanh(V)
        torch.testing.assert_close((S @ q[..., None]).flatten(1), whole[t])


@pytest.mark.usefixtures("own_rules")
def test_what_cannot_stand_inside_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^delta.inner = 'lagged' cannot stand inside: .*; valid"):
        cells.Delta(inner="lagged")
    with pytest.raises(ValueError, match=r"^delta.inner = 'none' is not an option; valid: 'gd', "):
        cells.Delta(inner="none")


def test_an_inner_value_that_the_rule_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^delta.mu = 0.1 needs delta.inner = 'heavy_ball' or "):
        cells.Delta(mu=0.1)
    assert "mu" not in cells.Delta().present()
    assert cells.Delta(inner="adam", mu=0.1).present()["mu"] == 0.1


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^delta.heads = 4 do not divide hidden_size = 6; valid: 1, 2, or"
    ):
        OptCell(3, 6, cell="delta")


@pytest.mark.parametrize("name", registry.cells.names())
def test_complex_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^dtype = torch.complex64; valid: torch.float32, "):
        OptCell(3, 8, cell=name, dtype=torch.complex64)


def test_a_state_of_another_cell_is_refused() -> None:
    x = torch.randn(3, 2, 3)
    _, state = OptCell(3, 8, cell="lru", rule="gd")(x)
    with pytest.raises(ValueError, match=r"^state of .*; valid here: "):
        OptCell(3, 8, cell="delta", rule="gd")(x, state)


def test_a_gated_memory_of_half_precision_forgets() -> None:
    """Of 0.9985 bfloat16 makes 1."""
    torch.manual_seed(0)
    module = OptCell(4, 8, cell=cells.Delta(heads=2, gate=True), rule="gd")
    with torch.no_grad():
        module.gate_rate_l0.fill_(math.log(0.0015))
        module.gate_bias_l0.fill_(0.54)
        module.bias_ih_l0.zero_()
    x = torch.randn(1020, 1, 4)
    x[20:] = 0.0
    module, double = module.bfloat16(), copy.deepcopy(module.bfloat16()).double()
    with torch.no_grad():
        before, after = (
            double(part)[1][0].hidden[1].norm() for part in (x[:20].double(), x.double())
        )
        got = module(x.bfloat16())[1][0].hidden[1].norm()
    assert 0.1 < after / before < 0.5
    assert abs(got / after - 1) < 0.02


def test_what_the_inner_rule_does_not_take_is_refused_as_it_is_made() -> None:
    assert cells.Delta(inner="adam", eps=10.0)._inner.rule.eps == 10.0
    for inner in ("adam", "rmsprop"):
        module = OptCell(3, 8, cell=cells.Delta(inner=inner, eps=2.83), rule="gd")
        assert module(torch.randn(5, 2, 3))[0].isfinite().all()
