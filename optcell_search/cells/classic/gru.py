"""The gated recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base import (
    Cell,
    Hidden,
    Weights,
    gated_shapes,
    linear_projection,
    recurrent_projection,
    reset_uniform,
)


@dataclass(frozen=True, kw_only=True)
class GRU(Cell):
    """Gated recurrent unit; weights and gate order as in `torch.nn.GRU`.

        a = W_hh h_{t-1} + b_hh, in parts r, z, n as u_t is
        r = sigma(u_r + a_r),  z = sigma(u_z + a_z),  n = tanh(u_n + r a_n)
        h_t = (1 - z) n + z h_{t-1}

    Departure from Cho et al. 2014, as in torch: r gates the product a_n, not h before it.
    """

    name: ClassVar[str] = "gru"
    title: ClassVar[str] = "gated recurrent unit"
    equation: ClassVar[str] = (
        "a = U h_{t-1} + b;  r,z = σ(u + a);  n = tanh(u_n + r a_n);  h_t = (1-z) n + z h_{t-1}"
    )
    citation: ClassVar[str] = (
        "Cho et al.: Learning Phrase Representations using RNN Encoder-Decoder for Statistical "
        "Machine Translation. EMNLP 2014, arXiv 1406.1078."
    )

    @property
    def kernel(self) -> str:
        """The name of torch's kernel."""
        return "gru"

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of three gates."""
        return gated_shapes(3, input_size, hidden_size, bias)

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw all weights from U(-1/sqrt(H), 1/sqrt(H))."""
        reset_uniform(weights, hidden_size)

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, 3H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0, (B, H)."""
        return (like.new_zeros(batch, hidden_size),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, (B, H)."""
        (h,) = hidden
        u_r, u_z, u_n = u.chunk(3, -1)
        a_r, a_z, a_n = recurrent_projection(weights, h).chunk(3, -1)
        r, z = torch.sigmoid(u_r + a_r), torch.sigmoid(u_z + a_z)
        n = torch.tanh(u_n + r * a_n)
        return ((1 - z) * n + z * h,)
