"""RMSProp: the pre-activation over its running size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import field_of, real, specification
from .adam import Adam
from .base import Recurrence, Rule, Values


@dataclass(frozen=True, kw_only=True)
class RMSProp(Rule):
    """Divide the pre-activation by its root mean square, channel by channel: Adam with mu = 0.

        m_t = beta m_{t-1} + (1 - beta) z_t^2,  u_t = s z_t / sqrt(m_t + eps^2)

    Source: Nguyen et al. 2020, arXiv 2006.06919, section 3.3.
    Departure: epsilon is inside the root, so that a pre-activation of exactly 0 has a gradient.
    """

    name: ClassVar[str] = "rmsprop"
    title: ClassVar[str] = "RMSProp"
    equation: ClassVar[str] = "m_t = β m_{t-1} + (1-β) z_t²;  u_t = s z_t / √(m_t + ε²)"
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = False

    s: float = real(0.6, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")
    beta: float = field_of(specification(Adam)["beta"])
    eps: float = field_of(specification(Adam)["eps"])

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the mean square m."""
        beta = p["beta"].expand(1, 1, 1)
        return (Recurrence(beta, (1 - beta) * z.square()),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return s z / sqrt(m + eps^2)."""
        return p["s"] * z * torch.rsqrt(q[0] + p["eps"].square())

    def normalizer(self, p: Values) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """Return the values of Adam's filter."""
        return None, p["s"], p["beta"], p["eps"]

    def general(self) -> Rule:
        """Return Adam without momentum."""
        return Adam(mu=0.0, s=self.s, beta=self.beta, eps=self.eps)
