"""What a recurrent cell is: its weights, its drive and one step of it.

A cell is plain data, its hyperparameters; the weights are handed to its methods by name, so that
many weight sets can be stacked and mapped over. `OptCell` owns the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import Hyperparameters
from ..shapes import Float

Weights = Mapping[str, Tensor]
Hidden = tuple[Tensor, ...]


class Cell(Hyperparameters, ABC):
    """A recurrent cell: x -> z (`drive`), which a rule turns into u, and (u, h) -> h (`step`).

    A subclass is a frozen, keyword-only dataclass in a file of this room.
    """

    title: ClassVar[str]
    equation: ClassVar[str]
    citation: ClassVar[str]

    @property
    @abstractmethod
    def kernel(self) -> str | None:
        """Name of torch's kernel for this recurrence (see `kernels.torch_rnn`), or None."""

    @abstractmethod
    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shape of each weight of one layer in one direction, by name, in order."""

    @abstractmethod
    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw initial weights in place."""

    @abstractmethod
    def drive(
        self,
        weights: Weights,
        x: Float[Tensor, "time batch features"],
        one: Float[Tensor, "time batch_or_1 1"] | None,
    ) -> Float[Tensor, "time batch drive"]:
        """Return z = W x + b one, the input's share of the pre-activations.

        Args:
            weights: the layer's weights.
            x: (T, B, D) input, filtered already where the rule is linear.
            one: what the rule made of the constant 1 that carries the bias; None where nothing
                has been filtered yet or the layer has no bias, that is for z = W x + b.
        """

    @abstractmethod
    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return the state before the first step, each part (B, ...); the output h comes first."""

    @abstractmethod
    def step(self, weights: Weights, u: Float[Tensor, "batch drive"], hidden: Hidden) -> Hidden:
        """Return the state after one step with filtered drive `u`; the output h comes first."""


def gated_shapes(
    gates: int, input_size: int, hidden_size: int, bias: bool
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of torch's recurrent weights, for a cell with so many gates."""
    width = gates * hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (width, input_size),
        "weight_hh": (width, hidden_size),
    }
    if bias:
        shapes |= {"bias_ih": (width,), "bias_hh": (width,)}
    return shapes


def reset_uniform(weights: Weights, hidden_size: int) -> None:
    """Draw all weights from U(-1/sqrt(H), 1/sqrt(H)), as torch's modules do, in their order."""
    bound = hidden_size**-0.5
    for weight in weights.values():
        torch.nn.init.uniform_(weight, -bound, bound)


def linear_drive(weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
    """Return x W_ih^T + one b_ih, with one = 1 where it is None."""
    bias = weights.get("bias_ih")
    if one is None or bias is None:
        return torch.nn.functional.linear(x, weights["weight_ih"], bias)
    return torch.nn.functional.linear(x, weights["weight_ih"]) + one * bias


def recurrent_drive(weights: Weights, h: Tensor) -> Tensor:
    """Return h W_hh^T + b_hh."""
    return torch.nn.functional.linear(h, weights["weight_hh"], weights.get("bias_hh"))
