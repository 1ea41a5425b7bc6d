"""A rule with a choice: its form, read off the rule, beside numbers that are tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from optcell_search import OptCell
from optcell_search.hyperparameters import choice, real
from optcell_search.rules import Recurrence, Rule
from optcell_search.rules.base import Values


@dataclass(frozen=True, kw_only=True)
class Average(Rule):
    """Gather the drive, v_t = mu v_{t-1} + z_t or + (1 - mu) z_t, and emit v_t or z_t + v_t.

    Source: none, this is a test.
    """

    name: ClassVar[str] = "average"
    title: ClassVar[str] = "average"
    equation: ClassVar[str] = "v_t = μ v_{t-1} + (1-μ) z_t"
    citation: ClassVar[str] = "none"
    linear: ClassVar[bool] = True

    mu: float = real(0.5, search=(0.0, 0.9), valid=(0.0, 1.0), open_high=True)
    kind: str = choice("sum", options=("sum", "mean"))
    skip: bool = choice(False, options=(False, True))

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        scale = 1 - p["mu"] if self.kind == "mean" else torch.ones_like(p["mu"])
        return (Recurrence(p["mu"].expand(1, 1, 1), scale * z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        return z + q[0] if self.skip else q[0]


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "orthogonal"])
def test_each_choice_computes_its_own_formula(cell: str, learn: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    plain = OptCell(3, 5, cell=cell, rule="gd", dtype=torch.float64)
    for kind in ("sum", "mean"):
        for skip in (False, True):
            rule = Average(mu=0.5, kind=kind, skip=skip)
            module = OptCell(3, 5, cell=cell, rule=rule, learn_rule=learn, dtype=torch.float64)
            assert set(module.rule_values()) == {"mu"}
            module.load_state_dict(plain.state_dict(), strict=False)
            v, filtered = torch.zeros_like(x[0]), []
            for z in x:
                v = 0.5 * v + (0.5 if kind == "mean" else 1.0) * z
                filtered.append(z + v if skip else v)
            # Without biases a linear rule on z is the rule on x.
            for name, weight in (*module.named_parameters(), *plain.named_parameters()):
                if name.startswith("bias_ih"):
                    weight.data.zero_()
            output, state = module(x)
            torch.testing.assert_close(
                output, plain(torch.stack(filtered))[0], rtol=1e-12, atol=1e-12
            )
            first, state = module(x[:1])
            torch.testing.assert_close(
                torch.cat([first, module(x[1:], state)[0]]), output, rtol=1e-12, atol=1e-12
            )
            if learn:
                output.sum().backward()
                assert module.rule_values.mu.grad.abs() > 0
