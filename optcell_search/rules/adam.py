"""Adam: momentum over a running size of the pre-activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import real
from .base import Recurrence, Rule, Values


@dataclass(frozen=True, kw_only=True)
class Adam(Rule):
    """Divide the momentum of the pre-activation by its root mean square, channel by channel.

        v_t = mu v_{t-1} + s z_t,  m_t = beta m_{t-1} + (1 - beta) z_t^2
        u_t = v_t / sqrt(m_t + eps^2)

    Source: Nguyen et al. 2020, arXiv 2006.06919, section 3.3.
    Departures: as in the authors' code there is no bias correction and v is not scaled by
    (1 - mu). Epsilon is inside the root, so that a pre-activation of exactly 0 has a gradient.
    Adam's usual condition is mu < sqrt(beta); beyond it u grows while z is 0.
    """

    name: ClassVar[str] = "adam"
    title: ClassVar[str] = "Adam"
    equation: ClassVar[str] = (
        "v_t = μ v_{t-1} + s z_t, m_t = β m_{t-1} + (1-β) z_t²;  u_t = v_t / √(m_t + ε²)"
    )
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = False

    mu: float = real(0.6, search=(0.0, 0.99), valid=(0.0, 1.0), open_high=True, doc="momentum")
    s: float = real(0.6, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")
    beta: float = real(
        0.9, search=(0.01, 0.999), valid=(0.0, 1.0), open_high=True, doc="decay of the mean square"
    )
    eps: float = real(
        1e-8,
        search=(1e-10, 1e-4),
        valid=(1e-12, 10.0),
        log=True,
        learnable=False,
        doc="floor of √m",
    )

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the momentum v and the mean square m."""
        mu, beta = p["mu"].expand(1, 1, 1), p["beta"].expand(1, 1, 1)
        return (Recurrence(mu, p["s"] * z), Recurrence(beta, (1 - beta) * z.square()))

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return v / sqrt(m + eps^2)."""
        v, m = q
        return v * torch.rsqrt(m + p["eps"].square())

    def normalizer(self, p: Values) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """Return the values of Adam's filter."""
        return p["mu"], p["s"], p["beta"], p["eps"]
