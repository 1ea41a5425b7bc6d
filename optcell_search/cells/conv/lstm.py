"""Convolutional long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base import Hidden, Weights
from .base import ConvolutionalCell


@dataclass(frozen=True, kw_only=True)
class ConvLSTM(ConvolutionalCell):
    """Long short-term memory with convolutions in place of products; gates in torch's order.

        i, f, g, o = parts of u_t + U * h_{t-1} + b_hh
        c_t = sigma(f) c_{t-1} + sigma(i) tanh(g),  h_t = sigma(o) tanh(c_t)

    Source: Shi et al. 2015, arXiv 1506.04214, equation (3). Departure: no peepholes, whose
    weights belong to places and would tie a trained cell to one size of image.
    """

    name: ClassVar[str] = "conv_lstm"
    title: ClassVar[str] = "convolutional long short-term memory"
    equation: ClassVar[str] = (
        "i,f,g,o = u_t + U∗h_{t-1} + b;  c_t = σ(f) c_{t-1} + σ(i) tanh(g);  h_t = σ(o) tanh(c_t)"
    )
    citation: ClassVar[str] = (
        "Shi et al.: Convolutional LSTM Network: A Machine Learning Approach for Precipitation "
        "Nowcasting. NeurIPS 2015, arXiv 1506.04214."
    )

    @property
    def projection_gates(self) -> int:
        """Four: i, f, g, o."""
        return 4

    @property
    def recurrent_gates(self) -> dict[str, int]:
        """Four: i, f, g, o."""
        return {"hh": 4}

    def initial(self, like: Tensor) -> Hidden:
        """Return h = 0 and c = 0."""
        return torch.zeros_like(like), torch.zeros_like(like)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h and c."""
        h, c = hidden
        i, f, g, o = self.recurrent(weights, h).add_(u).chunk(4, 1)
        c = torch.addcmul(torch.sigmoid(f) * c, torch.sigmoid(i), torch.tanh(g))
        return torch.sigmoid(o) * torch.tanh(c), c

    def bypassed(self, u: Tensor) -> Tensor:
        """Return tanh(u_g)."""
        return torch.tanh(u.chunk(4, 1)[2])
