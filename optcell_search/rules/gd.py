"""Plain gradient descent: the ordinary cell, with a step size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..hyperparameters import real
from .base import Recurrence, Rule, Values
from .momentum import Momentum


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Rule):
    """Scale the pre-activation: u_t = s z_t.

    With s = 1 a cell is what it is in torch.

    Source: Nguyen et al. 2020, arXiv 2006.06919, section 2.
    """

    name: ClassVar[str] = "gd"
    title: ClassVar[str] = "gradient descent"
    equation: ClassVar[str] = "u_t = s z_t"
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = True

    s: float = real(1.0, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return nothing: gradient descent remembers nothing."""
        return ()

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return s z."""
        return p["s"] * z

    def general(self) -> Rule:
        """Return momentum of 0."""
        return Momentum(s=self.s)
