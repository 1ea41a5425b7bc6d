"""What a recurrent cell is: its weights, its input projection and one step of it.

A cell is plain data, its hyperparameters; the weights are handed to its methods by name, so that
many weight sets can be stacked and mapped over. `OptCell` owns the weights.

Five methods must be written: `shapes`, `reset`, `input_projection`, `initial` and `step`. The rest
have a default that suits a gated cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..hyperparameters import Hyperparameters
from ..shapes import Float, Int

Weights = Mapping[str, Tensor]
Hidden = tuple[Tensor, ...]


class Cell(Hyperparameters, ABC):
    """A recurrent cell: x -> z (`input_projection`), a rule makes u of z, and (u, h) -> h (`step`).

    A subclass is a frozen, keyword-only dataclass in a file of this room.

    Wherever `weights` are handed over they hold, by name, what `shapes` lists (parameters) and
    what `fixed` lists (buffers).
    """

    title: ClassVar[str]
    equation: ClassVar[str]
    citation: ClassVar[str]

    @property
    def kernel(self) -> str | None:
        """Name of the kernel for this recurrence (see `kernels.recurrence`), or None.

        A cell that names one has the weights of torch's modules once `prepare` returns them, and
        torch's input projection, W x + b, which nothing bypasses: kernels make it themselves.
        """
        return None

    @property
    def keeps(self) -> str:
        """What its state is known by: only cells of the same go on from it."""
        return self.name

    @property
    def loop(self) -> str | None:
        """Name of the loop that `over_time` runs (see `kernels.Loop`), or None without one."""
        return None

    def output_size(self, hidden_size: int) -> int:
        """Return the width of the output h."""
        return hidden_size

    def fixed(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what a layer keeps beside its weights, untrained, by name."""
        return {}

    def learning_rates(self) -> dict[str, float]:
        """Return, by name, how many times the learning rate a weight trains at, where not 1."""
        return {}

    @property
    def undecayed(self) -> tuple[str, ...]:
        """Names of weights that weight decay leaves alone: poles and time scales, say."""
        return ()

    @abstractmethod
    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shape of each weight of one layer in one direction, by name, in order.

        A ValueError here says that the cell cannot be so wide; a search whose space holds such a
        width is refused with it.
        """

    @abstractmethod
    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw initial weights in place, and set what is fixed."""

    def prepare(self, weights: Weights) -> Weights:
        """Return the weights as `step` takes them, derived once for a whole sequence."""
        return weights

    def after_step(self, weights: Weights) -> None:
        """Put the weights in order, in place, after a step of the optimizer.

        A cell that writes the same recurrence by other numbers here writes `follow`, too.
        """
        return

    def follow(self, average: Weights, live: Weights) -> None:
        """Write a moving average of weights, in place, by what `after_step` left the live ones at.

        Called after each `after_step` and before the average takes the live weights in. What is
        fixed is still that of the step before in `average`, and becomes that of `live` after this;
        the average is to compute what it did. The default suits a cell whose numbers keep their
        meaning.

        Args:
            average: the weights to change.
            live: those that `after_step` has put in order.
        """
        return

    @abstractmethod
    def input_projection(
        self,
        weights: Weights,
        x: Float[Tensor, "time batch features"],
        one: Float[Tensor, "time batch_or_1 1"] | None,
    ) -> Float[Tensor, "time batch gates"]:
        """Return z = W x + b one, the input's share of the pre-activations.

        Args:
            weights: the layer's weights.
            x: (T, B, D) input, filtered already where the rule is linear.
            one: what the rule made of the constant 1 that carries the bias; None where nothing
                has been filtered yet or the layer has no bias, that is for z = W x + b.
        """

    def bypass(
        self, weights: Weights, x: Float[Tensor, "time batch features"]
    ) -> Float[Tensor, "time batch aside"] | None:
        """Return the share of the pre-activations that the rule does not act on, if any.

        `step` receives it behind what the rule made of z, in one tensor.
        """
        return None

    @abstractmethod
    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return the state before the first step; the output h comes first.

        Each part is (B, ...), or (1, ...) while it is the same for all sequences, such as a
        count of steps.
        """

    @abstractmethod
    def step(self, weights: Weights, u: Float[Tensor, "batch gates"], hidden: Hidden) -> Hidden:
        """Return the state after one step; the output h comes first.

        Args:
            weights: what `prepare` returned.
            u: (B, G), what the rule made of z, then what bypassed it.
            hidden: the state before the step.
        """

    def over_time(
        self,
        weights: Weights,
        u: Float[Tensor, "time batch gates"],
        hidden: Hidden,
        lengths: Int[Tensor, " batch"] | None,
    ) -> tuple[Float[Tensor, "time batch hidden"], Hidden]:
        """Return h after every step, and the state after each sequence's last valid step.

        What `step` gives step by step, over the whole sequence at once. A cell that names a `loop`
        writes it; the rest go step by step.

        Args:
            weights: what `prepare` returned.
            u: (T, B, G), what the rule made of z, then what bypassed it.
            hidden: the state before the first step.
            lengths: (B,) valid steps of each sequence; None means all T.
        """
        raise NotImplementedError(f"cell {self.name!r} goes step by step")

    def readout(
        self,
        width: int,
        outputs: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        """Return the module that makes a model's outputs of h, (..., width) -> (..., outputs)."""
        return nn.Linear(width, outputs, device=device, dtype=dtype)


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


def linear_projection(weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
    """Return x W_ih^T + one b_ih, with one = 1 where it is None."""
    bias = weights.get("bias_ih")
    if one is None or bias is None:
        return torch.nn.functional.linear(x, weights["weight_ih"], bias)
    # One product with the bias as a column: z is wide, and each pass over it costs.
    columns = torch.cat([weights["weight_ih"], bias.unsqueeze(1)], 1)
    return torch.nn.functional.linear(torch.cat([x, one.expand_as(x[..., :1])], -1), columns)


def recurrent_projection(weights: Weights, h: Tensor) -> Tensor:
    """Return h W_hh^T + b_hh."""
    return torch.nn.functional.linear(h, weights["weight_hh"], weights.get("bias_hh"))
