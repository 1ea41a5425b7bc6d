"""A convolutional stage without recurrence: what a recurrent cell is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base import Hidden, Weights
from .base import ConvolutionalCell


@dataclass(frozen=True, kw_only=True)
class ConvFeedForward(ConvolutionalCell):
    """h_t = relu(u_t): under ``gd`` a feed-forward network that sees every frame by itself.

    Under another rule the traces of z are its only memory. `gate_filter`, `separable` and
    `norm`, which describe recurrent filters, change nothing.
    """

    name: ClassVar[str] = "conv_feedforward"
    title: ClassVar[str] = "convolution without recurrence"
    equation: ClassVar[str] = "h_t = relu(u_t)"
    citation: ClassVar[str] = (
        "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition. "
        "Proceedings of the IEEE 86(11), 1998."
    )

    @property
    def projection_gates(self) -> int:
        """One."""
        return 1

    @property
    def recurrent_gates(self) -> dict[str, int]:
        """None."""
        return {}

    def initial(self, like: Tensor) -> Hidden:
        """Return h = 0."""
        return (torch.zeros_like(like),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return relu(u)."""
        return (torch.relu(u),)

    def bypassed(self, u: Tensor) -> Tensor:
        """Return relu(u)."""
        return torch.relu(u)
