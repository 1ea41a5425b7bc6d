"""Nesterov's accelerated gradient with a momentum that grows, and scheduled restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..hyperparameters import integer, real
from .base import Recurrence, Rule, Values
from .momentum import Momentum, growing_momentum


@dataclass(frozen=True, kw_only=True)
class Nesterov(Rule):
    """Gather the pre-activation in a momentum that grows with the steps since the last restart.

        v_t = mu_t v_{t-1} + s z_t,  mu_t = (k - 1) / (k + 2),  u_t = v_t

    where k counts the steps 1, 2, ..., `restart`, 1, 2, ... (or on for ever where `restart` is 0).
    It counts on over the pieces of a sequence that is fed with its state, so that pieces give what
    the whole gives.

    Source: Nguyen et al. 2020, arXiv 2006.06919, section 3.2 (SR-RNN where restart > 0).
    Departures: the authors' script for MNIST and TIMIT puts the momentum on U h - s z instead;
    this is the form of the paper, which their language-model script has as well. That script counts
    k from 1 again in every piece of a text; here ``layer.rule._replace(steps=zeros)``, for every
    layer of a state, does so.
    """

    name: ClassVar[str] = "nesterov"
    title: ClassVar[str] = "Nesterov momentum with restart"
    equation: ClassVar[str] = (
        "v_t = μ_t v_{t-1} + s z_t, μ_t = (k-1)/(k+2), k = 1..F repeating;  u_t = v_t"
    )
    citation: ClassVar[str] = (
        "Nguyen, Baraniuk, Bertozzi, Osher, Wang: MomentumRNN: Integrating Momentum into "
        "Recurrent Neural Networks. NeurIPS 2020, arXiv 2006.06919."
    )
    linear: ClassVar[bool] = True

    s: float = real(0.9, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="step size")
    restart: int = integer(
        0, search=(0, 64), valid=(0, 10**6), doc="steps between restarts, 0: never"
    )

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the momentum v."""
        return (Recurrence(growing_momentum(z, t, p), p["s"] * z),)

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return v."""
        return q[0]

    def general(self) -> Rule:
        """Return momentum that grows."""
        return Momentum(s=self.s, growing=1, restart=self.restart)
