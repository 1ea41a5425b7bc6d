"""The simple recurrent network of Elman."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...hyperparameters import choice
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
class RNN(Cell):
    """h_t = phi(u_t + W_hh h_{t-1} + b_hh), phi = tanh or relu; weights as in `torch.nn.RNN`."""

    name: ClassVar[str] = "rnn"
    title: ClassVar[str] = "simple recurrent network"
    equation: ClassVar[str] = "h_t = φ(u_t + U h_{t-1} + b)"
    citation: ClassVar[str] = "Elman: Finding Structure in Time. Cognitive Science 14, 1990."

    nonlinearity: str = choice("tanh", options=("tanh", "relu"), doc="the function φ")

    @property
    def kernel(self) -> str:
        """The name of torch's kernel."""
        return f"rnn_{self.nonlinearity}"

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of one gate."""
        return gated_shapes(1, input_size, hidden_size, bias)

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw all weights from U(-1/sqrt(H), 1/sqrt(H))."""
        reset_uniform(weights, hidden_size)

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0, (B, H)."""
        return (like.new_zeros(batch, hidden_size),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, (B, H)."""
        activation = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        return (activation(u + recurrent_projection(weights, hidden[0])),)
