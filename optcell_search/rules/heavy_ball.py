"""Heavy-ball momentum (Polyak 1964)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..hyperparameters import real
from .base import Recurrence, Rule, Values
from .momentum import Momentum


@dataclass(frozen=True, kw_only=True)
class HeavyBall(Rule):
    """Gather the pre-activation in a momentum: v_t = mu v_{t-1} + s z_t, u_t = v_t.

    The momentum is not scaled by (1 - mu), so a constant z is amplified by s / (1 - mu).

    Source: Nguyen et al. 2020, arXiv 2006.06919, equation (8).
    """

    name: ClassVar[str] = "heavy_ball"
    title: ClassVar[str] = "heavy-ball momentum"
    equation: ClassVar[str] = "v_t = μ v_{t-1} + s z_t;  u_t = v_t"
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = True

    mu: float = real(0.6, search=(0.0, 0.99), valid=(0.0, 1.0), open_high=True, doc="momentum")
    s: float = real(0.6, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the momentum v."""
        return (Recurrence(p["mu"].expand(1, 1, 1), p["s"] * z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return v."""
        return q[0]

    def general(self) -> Rule:
        """Return momentum that stays as it is."""
        return Momentum(s=self.s, mu=self.mu)
