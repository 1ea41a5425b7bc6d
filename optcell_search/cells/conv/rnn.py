"""The simple convolutional recurrent network, with a gate where that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...hyperparameters import choice
from ..base import Hidden, Weights
from .base import ConvolutionalCell


@dataclass(frozen=True, kw_only=True)
class ConvRNN(ConvolutionalCell):
    """h_t = phi(u_t + U * h_{t-1} + b_hh), phi = tanh or relu.

    With `gating` (the update-gate network) u and U * h + b_hh have two parts, n and z:

        n = phi(u_n + a_n),  z = sigma(u_z + a_z),  h_t = (1 - z) n + z h_{t-1}

    Sources: Spoerer, McClure, Kriegeskorte 2017, Frontiers in Psychology 8; the gate is the UGRNN
    of Collins, Sohl-Dickstein, Sussillo 2017, arXiv 1611.09913.
    """

    name: ClassVar[str] = "conv_rnn"
    title: ClassVar[str] = "convolutional recurrent network"
    equation: ClassVar[str] = "h_t = φ(u_t + U∗h_{t-1} + b); gated: h_t = (1-z) n + z h_{t-1}"
    citation: ClassVar[str] = (
        "Spoerer, McClure, Kriegeskorte: Recurrent Convolutional Neural Networks: A Better Model "
        "of Biological Object Recognition. Frontiers in Psychology 8, 2017."
    )

    nonlinearity: str = choice("tanh", options=("tanh", "relu"), doc="the function φ")
    gating: bool = choice(False, options=(False, True), doc="an update gate z")

    @property
    def projection_gates(self) -> int:
        """Two with the gate, else one."""
        return 2 if self.gating else 1

    @property
    def recurrent_gates(self) -> dict[str, int]:
        """As many as z has."""
        return {"hh": self.projection_gates}

    def initial(self, like: Tensor) -> Hidden:
        """Return h = 0."""
        return (torch.zeros_like(like),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h."""
        (h,) = hidden
        a = self.recurrent(weights, h).add_(u)
        if not self.gating:
            return (a.tanh_() if self.nonlinearity == "tanh" else a.relu_(),)
        n, z = a.chunk(2, 1)
        return (torch.lerp(self._phi(n), h, torch.sigmoid(z)),)

    def bypassed(self, u: Tensor) -> Tensor:
        """Return phi(u_n)."""
        return self._phi(u.chunk(self.projection_gates, 1)[0])

    def _phi(self, a: Tensor) -> Tensor:
        return torch.tanh(a) if self.nonlinearity == "tanh" else torch.relu(a)
