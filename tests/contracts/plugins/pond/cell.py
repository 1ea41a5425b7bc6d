"""A leaky cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from optcell_search.cells import Cell
from optcell_search.hyperparameters import choice, real


@dataclass(frozen=True, kw_only=True)
class Leaky(Cell):
    """h_t = (1 - a) h_{t-1} + a phi(u_t + U h_{t-1})."""

    name: ClassVar[str] = "leaky"
    title: ClassVar[str] = "leaky units"
    equation: ClassVar[str] = "h_t = (1 - a) h_{t-1} + a φ(u_t + U h_{t-1})"
    citation: ClassVar[str] = "None."

    a: float = real(0.5, search=(0.1, 1.0), valid=(0.0, 1.0))
    phi: str = choice("tanh", options=("tanh", "sigmoid"))

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        shapes = {"weight_ih": (hidden_size, input_size), "weight_hh": (hidden_size, hidden_size)}
        return {**shapes, "bias_ih": (hidden_size,)} if bias else shapes

    def reset(self, weights: Mapping[str, Tensor], hidden_size: int) -> None:
        for weight in weights.values():
            torch.nn.init.uniform_(weight, -0.3, 0.3)

    def input_projection(
        self, weights: Mapping[str, Tensor], x: Tensor, one: Tensor | None
    ) -> Tensor:
        z = x @ weights["weight_ih"].T
        if "bias_ih" not in weights:
            return z
        return z + (weights["bias_ih"] if one is None else one * weights["bias_ih"])

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> tuple[Tensor, ...]:
        return (like.new_zeros(batch, hidden_size),)

    def step(
        self, weights: Mapping[str, Tensor], u: Tensor, hidden: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        (h,) = hidden
        new = getattr(torch, self.phi)(u + h @ weights["weight_hh"].T)
        return ((1 - self.a) * h + self.a * new,)
