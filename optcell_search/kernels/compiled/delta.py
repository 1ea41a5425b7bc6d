"""The delta memory."""

from __future__ import annotations

import torch
from torch import Tensor

from ..layout import delta_marks
from .call import call, some


def delta_forward(
    u: Tensor, alpha: Tensor, values: Tensor, start: Tensor, lengths: Tensor, inner: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """o, the states after the last step, and what the backward pass starts from."""
    o = u.new_empty(*u.shape[:3], start.shape[2] * start.shape[-1])
    end, marks = torch.empty_like(start), delta_marks(u, start, keep)
    arrays = (u, some(alpha), values, start, lengths, o, end, some(marks))
    _call(f"delta_{inner}_forward", u, start, values, arrays)
    return o, end, marks


def delta_backward(
    grad_o: Tensor, grad_end: Tensor, u: Tensor, alpha: Tensor, values: Tensor, lengths: Tensor,
    marks: Tensor, inner: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, alpha and the states at the start."""
    # What no step reads has no gradient: the columns of alpha, and steps beyond a length.
    du, d_alpha, d_start = torch.zeros_like(u), torch.zeros_like(alpha), torch.empty_like(grad_end)
    arrays = (grad_o, grad_end, u, some(alpha), values, lengths, marks, du, some(d_alpha), d_start)
    _call(f"delta_{inner}_backward", u, grad_end, values, arrays)
    return du, d_alpha, d_start


def _call(
    name: str, u: Tensor, states: Tensor, values: Tensor, arrays: tuple[Tensor | None, ...]
) -> None:
    K, T, B, width = u.shape
    heads, d = states.shape[2], states.shape[-1]
    sizes = (K, T, B, heads, d, width, *values.shape[1:3])
    call(name, sizes, K * T * B * heads * d * d, *arrays)
