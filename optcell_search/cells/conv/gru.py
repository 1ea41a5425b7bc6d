"""The convolutional gated recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base import Hidden, Weights
from .base import ConvolutionalCell


@dataclass(frozen=True, kw_only=True)
class ConvGRU(ConvolutionalCell):
    """Gated recurrent unit with convolutions in place of products; gates in torch's order r, z, n.

        a = U * h_{t-1} + b_hh, in parts r, z, n as u_t is
        r = sigma(u_r + a_r),  z = sigma(u_z + a_z),  n = tanh(u_n + r a_n)
        h_t = (1 - z) n + z h_{t-1}

    Source: Ballas et al. 2016, arXiv 1511.06432. Departure, as in
    `torch.nn.GRU`: r gates the product a_n, not h before it.
    """

    name: ClassVar[str] = "conv_gru"
    title: ClassVar[str] = "convolutional gated recurrent unit"
    equation: ClassVar[str] = (
        "a = U∗h_{t-1} + b;  r,z = σ(u + a);  n = tanh(u_n + r a_n);  h_t = (1-z) n + z h_{t-1}"
    )
    citation: ClassVar[str] = (
        "Ballas, Yao, Pal, Courville: Delving Deeper into Convolutional Networks for Learning "
        "Video Representations. ICLR 2016, arXiv 1511.06432."
    )

    @property
    def projection_gates(self) -> int:
        """Three: r, z, n."""
        return 3

    @property
    def recurrent_gates(self) -> dict[str, int]:
        """Three: r, z, n."""
        return {"hh": 3}

    def initial(self, like: Tensor) -> Hidden:
        """Return h = 0."""
        return (torch.zeros_like(like),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h."""
        (h,) = hidden
        channels = h.shape[1]
        a = self.recurrent(weights, h)
        r, z = torch.sigmoid(u[:, : 2 * channels] + a[:, : 2 * channels]).chunk(2, 1)
        n = torch.tanh(torch.addcmul(u[:, 2 * channels :], r, a[:, 2 * channels :]))
        return (torch.lerp(n, h, z),)

    def bypassed(self, u: Tensor) -> Tensor:
        """Return tanh(u_n)."""
        return torch.tanh(u.chunk(3, 1)[2])
