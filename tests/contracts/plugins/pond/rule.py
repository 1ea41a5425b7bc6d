"""A rule with a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from optcell_search.hyperparameters import choice, real
from optcell_search.rules import Recurrence, Rule


@dataclass(frozen=True, kw_only=True)
class Bounded(Rule):
    """Heavy ball of bounded output: v_t = mu v_{t-1} + z_t, u_t = phi(v_t).

    Source: none, this is a test.
    """

    name: ClassVar[str] = "bounded"
    title: ClassVar[str] = "bounded momentum"
    equation: ClassVar[str] = "v_t = μ v_{t-1} + z_t;  u_t = φ(v_t)"
    citation: ClassVar[str] = "None."
    linear: ClassVar[bool] = False

    mu: float = real(0.6, search=(0.0, 0.9), valid=(0.0, 1.0), open_high=True)
    phi: str = choice("tanh", options=("tanh", "softsign", "arctan"))
    doubled: bool = choice(False, options=(False, True))

    def traces(self, z: Tensor, t: Tensor, p: dict[str, Tensor]) -> tuple[Recurrence, ...]:
        return (Recurrence(p["mu"].expand(1, 1, 1), z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: dict[str, Tensor]) -> Tensor:
        functions = {
            "tanh": torch.tanh,
            "softsign": torch.nn.functional.softsign,
            "arctan": torch.arctan,
        }
        u = functions[self.phi](q[0])
        return 2 * u if self.doubled else u
