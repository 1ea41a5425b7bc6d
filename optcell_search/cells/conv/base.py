"""What a convolutional recurrent cell is: filters over feature maps, and one step.

As `cells.base.Cell` it is plain data, and a rule turns its pre-activations z into u. It is a kind
of its own because its contract differs: features are maps (channels, height, width), weights are
filters, and what stands beside the recurrence (bypass, residual, layer norm) are switches of the
cell.

Legend: T steps, B movies, C channels of the cell, D channels of its input, G gates, N = T x B.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ...hyperparameters import Hyperparameters, choice
from ...shapes import Float
from ..base import Hidden, Weights

_SIZES = (1, 3, 5)
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class ConvolutionalCell(Hyperparameters, ABC):
    """A cell over feature maps: x -> z (`input_projection`), a rule makes u of z, and (u, h) -> h.

        z_t = W * x_t + b_ih,   u = rule(z),   h_t = step(u_t, h_{t-1})
        y_t = h_t + bypass phi(u_t) + residual P x_t          (what the layer puts out)

    where * is a convolution that keeps height and width, `bypass` and `residual` are switches, and
    P is a 1x1 filter, or nothing where input and output have equally many channels.

    With `norm` a recurrent projection a = U * h + b_hh becomes
    gamma (U * h - mean) / sqrt(var + 1e-5) + b_hh, with mean and variance over channels and places
    of each gate (Ba et al. 2016, arXiv 1607.06450). Departure: z is left as it is, or the rule's
    step size would have no effect.

    A subclass is a frozen, keyword-only dataclass in a file of this room.
    """

    title: ClassVar[str]
    equation: ClassVar[str]
    citation: ClassVar[str]

    input_filter: int = choice(3, options=_SIZES, doc="side of the input filter W, pixels")
    gate_filter: int = choice(3, options=_SIZES, doc="side of the recurrent filters, pixels")
    separable: bool = choice(
        False, options=(False, True), doc="recurrent filters: each channel by itself, then 1x1"
    )
    norm: bool = choice(False, options=(False, True), doc="layer norm of the recurrent projection")
    bypass: bool = choice(
        False, options=(False, True), doc="the filtered z also goes straight to the output"
    )
    residual: bool = choice(
        False, options=(False, True), doc="the input itself also goes straight to the output"
    )

    @property
    @abstractmethod
    def projection_gates(self) -> int:
        """G: channels of z, in multiples of C."""

    @property
    @abstractmethod
    def recurrent_gates(self) -> dict[str, int]:
        """Channels of each recurrent filter's output in multiples of C, by the filter's name."""

    @abstractmethod
    def initial(self, like: Float[Tensor, "batch channels height width"]) -> Hidden:
        """Return the state before the first step, maps of the form of `like`; h comes first."""

    @abstractmethod
    def step(
        self, weights: Weights, u: Float[Tensor, "batch gates height width"], hidden: Hidden
    ) -> Hidden:
        """Return the state after one step with filtered pre-activations `u`; h comes first."""

    @abstractmethod
    def bypassed(self, u: Float[Tensor, "many gates height width"]) -> Tensor:
        """Return phi(u), (N, C, H, W): what of u a bypass adds to the output."""

    def shapes(self, input_channels: int, channels: int, bias: bool) -> Shapes:
        """Return the shape of each weight, by name, in order."""
        width = self.projection_gates * channels
        side = self.input_filter
        shapes: Shapes = {"weight_ih": (width, input_channels, side, side)}
        if bias:
            shapes["bias_ih"] = (width,)
        for name, gates in self.recurrent_gates.items():
            shapes |= self._recurrent_shapes(name, gates * channels, channels, bias)
        if self.residual and input_channels != channels:
            shapes["weight_residual"] = (channels, input_channels, 1, 1)
        return shapes

    def _recurrent_shapes(self, name: str, width: int, channels: int, bias: bool) -> Shapes:
        side = self.gate_filter
        shapes: Shapes
        if self.separable:
            shapes = {
                f"weight_{name}_depth": (channels, 1, side, side),
                f"weight_{name}": (width, channels, 1, 1),
            }
        else:
            shapes = {f"weight_{name}": (width, channels, side, side)}
        if self.norm:
            shapes[f"norm_{name}"] = (width,)
        if bias:
            shapes[f"bias_{name}"] = (width,)
        return shapes

    def reset(self, weights: Weights) -> None:
        """Draw initial weights in place.

        Filters from U(-sqrt(3 / n), sqrt(3 / n)) with n inputs of one output, which keeps the
        variance from stage to stage; biases 0, gains of the layer norm 1.
        """
        for name, weight in weights.items():
            if weight.dim() == 4:
                bound = math.sqrt(3 / weight[0].numel())
                torch.nn.init.uniform_(weight, -bound, bound)
            else:
                torch.nn.init.constant_(weight, 1.0 if name.startswith("norm") else 0.0)

    def input_projection(
        self,
        weights: Weights,
        x: Float[Tensor, "time batch channels height width"],
        one: Float[Tensor, "time 1 1"] | None,
    ) -> Float[Tensor, "time batch gates height width"]:
        """Return z = W * x + b_ih one; `one` is as in `Cell.input_projection`, None stands for 1.

        All movies begin together, so the constant 1 is filtered alike for each of them.
        """
        bias = weights.get("bias_ih")
        fused = bias if one is None else None
        z = functional.conv2d(
            x.flatten(0, 1), weights["weight_ih"], fused, padding=self.input_filter // 2
        )
        if one is not None and bias is not None:
            # In place, here and in the steps of the cells: no one else has seen what a convolution
            # returns, and a fresh piece of memory for it costs as much as the sum.
            z.add_((one * bias).expand(-1, x.shape[1], -1).flatten(0, 1)[..., None, None])
        return z.view(*x.shape[:2], *z.shape[1:])

    def recurrent(
        self, weights: Weights, h: Float[Tensor, "batch channels height width"], name: str = "hh"
    ) -> Tensor:
        """Return U * h + b, (B, gates x C, H, W), for the recurrent filter called `name`."""
        bias, padding = weights.get(f"bias_{name}"), self.gate_filter // 2
        fused = None if self.norm else bias
        if self.separable:
            depth = weights[f"weight_{name}_depth"]
            h = functional.conv2d(h, depth, padding=padding, groups=h.shape[1])
            padding = 0
        a = functional.conv2d(h, weights[f"weight_{name}"], fused, padding=padding)
        if not self.norm:
            return a
        gates = self.recurrent_gates[name]
        return functional.group_norm(a, gates, weights[f"norm_{name}"], bias)

    def output(self, weights: Weights, x: Tensor, u: Tensor, h: Tensor) -> Tensor:
        """Return y of many steps at once, all maps (N, ..., H, W)."""
        y = h
        if self.bypass:
            y = y + self.bypassed(u)
        if self.residual:
            projection = weights.get("weight_residual")
            y = y + (x if projection is None else functional.conv2d(x, projection))
        return y
