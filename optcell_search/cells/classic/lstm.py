"""Long short-term memory."""

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
class LSTM(Cell):
    """Long short-term memory with a forget gate; weights and gate order as in `torch.nn.LSTM`.

    i, f, g, o = parts of u_t + W_hh h_{t-1} + b_hh
    c_t = sigma(f) c_{t-1} + sigma(i) tanh(g),  h_t = sigma(o) tanh(c_t)
    """

    name: ClassVar[str] = "lstm"
    title: ClassVar[str] = "long short-term memory"
    equation: ClassVar[str] = (
        "i,f,g,o = u_t + U h_{t-1} + b;  c_t = σ(f) c_{t-1} + σ(i) tanh(g);  h_t = σ(o) tanh(c_t)"
    )
    citation: ClassVar[str] = (
        "Hochreiter, Schmidhuber: Long Short-Term Memory. Neural Computation 9(8), 1997; forget "
        "gate: Gers, Schmidhuber, Cummins, Neural Computation 12(10), 2000."
    )

    @property
    def kernel(self) -> str:
        """The name of torch's kernel."""
        return "lstm"

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of four gates."""
        return gated_shapes(4, input_size, hidden_size, bias)

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw all weights from U(-1/sqrt(H), 1/sqrt(H))."""
        reset_uniform(weights, hidden_size)

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, 4H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0 and c = 0, each (B, H)."""
        return like.new_zeros(batch, hidden_size), like.new_zeros(batch, hidden_size)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h and c, each (B, H)."""
        h, c = hidden
        i, f, g, o = (u + recurrent_projection(weights, h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
