"""Momentum that is fixed or grows: what the linear rules with one trace have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import integer, real
from ..kernels import wide
from .base import Recurrence, Rule, Values


@dataclass(frozen=True, kw_only=True)
class Momentum(Rule):
    """Gather the pre-activation: v_t = mu_t v_{t-1} + s z_t, u_t = v_t.

    Here mu_t = mu where `growing` is 0, else Nesterov's (k - 1) / (k + 2), k = 1, 2, ...,
    `restart`, 1, 2, ... It has no name and is in no search: gradient descent (mu = 0), heavy ball
    and Nesterov momentum are what is searched, and as this one rule they are trained side by side.

    Source: Nguyen et al. 2020, arXiv 2006.06919, sections 2 and 3.2.
    """

    title: ClassVar[str] = "momentum, fixed or growing"
    equation: ClassVar[str] = "v_t = μ_t v_{t-1} + s z_t;  u_t = v_t"
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = True

    s: float = real(1.0, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")
    mu: float = real(0.0, search=(0.0, 0.99), valid=(0.0, 1.0), open_high=True, doc="momentum")
    growing: int = integer(0, search=(0, 1), valid=(0, 1), doc="whether mu grows with the steps")
    restart: int = integer(
        0, search=(0, 64), valid=(0, 10**6), doc="steps between restarts, 0: never"
    )

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the momentum v."""
        growing = growing_momentum(z, t, p)
        fixed = p["mu"].to(growing.dtype)
        return (Recurrence(torch.where(p["growing"] > 0, growing, fixed), p["s"] * z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return v."""
        return q[0]


def growing_momentum(z: Tensor, t: Tensor, p: Values) -> Tensor:
    """Return (k - 1) / (k + 2), (T, B or 1, 1), k counted from the last restart."""
    restart = p["restart"]
    since_restart = (t - 1) % restart.clamp(min=1) + 1
    # Counted in bfloat16, steps beyond 256 would not be told apart.
    k = torch.where(restart > 0, since_restart, t).to(wide(z.dtype))
    return (k - 1) / (k + 2)
