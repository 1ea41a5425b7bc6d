"""What the linear recurrences share: complex input and output weights, and a path past the state.

A complex number stands as two planes, its real and its imaginary part, so that no tensor is
complex. The input projection of such a cell is [Re B x, Im B x, D x], (2 N + H) wide.

Legend: H width of the output, N complex states.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...kernels import wide
from ...rules import last_valid
from ..base import Weights


def states_of(hidden_size: int, expansion: int) -> int:
    """Return N: a complex number for every two outputs, times the expansion."""
    return expansion * ((hidden_size + 1) // 2)


def complex_shapes(
    input_size: int, hidden_size: int, states: int, bias: bool
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of [Re B, Im B, D], of its bias, and of [Re C, Im C]."""
    width = 2 * states + hidden_size
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (width, input_size)}
    if bias:
        shapes["bias_ih"] = (width,)
    return shapes | {"weight_hx": (hidden_size, 2 * states)}


def inputs_and_skip(u: Tensor, states: int) -> tuple[Tensor, Tensor]:
    """Part u (..., 2 N + H) into the state's inputs (..., 2 N) and the path past it (..., H)."""
    return torch.split(u, [2 * states, u.shape[-1] - 2 * states], -1)  # type: ignore[return-value]


def reading(weights: Weights) -> Tensor:
    """Return [Re C, -Im C], (H, 2 N): times [Re x, Im x] it is Re(C x)."""
    re, im = weights["weight_hx"].chunk(2, -1)
    return torch.cat([re, -im], -1)


def end(history: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the state after each sequence's last valid step.

    In memory of its own: a view would keep the whole history alive.
    """
    return last_valid(history, lengths).clone()


def in_single(weight: Tensor) -> Tensor:
    """Return a weight in single precision at least: in bfloat16 a pole of 0.999 is 1."""
    return weight.to(wide(weight.dtype))
