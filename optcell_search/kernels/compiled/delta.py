"""The delta memory."""

from __future__ import annotations

import torch
from torch import Tensor

from ..layout import delta_marks
from .call import call, some


def delta_forward(
    q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, values: Tensor, start: Tensor,
    lengths: Tensor, inner: str, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """o, the states after the last step, and what the backward pass starts from."""
    o, end, marks = torch.empty_like(v), torch.empty_like(start), delta_marks(v, start, keep)
    inputs = (q, k, v, alpha, beta, values, start, lengths)
    sizes = (*v.shape, *values.shape[1:3])
    call(f"delta_{inner}_forward", sizes, v.numel() * v.shape[-1], *inputs, o, end, some(marks))
    return o, end, marks


def delta_backward(
    grad_o: Tensor, grad_end: Tensor, q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor,
    values: Tensor, lengths: Tensor, marks: Tensor, inner: str,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of q, k, v, alpha, beta and the states at the start."""
    grads = tuple(map(torch.empty_like, (q, k, v, alpha, beta, grad_end)))
    inputs = (grad_o, grad_end, q, k, v, alpha, beta, values, lengths, marks)
    sizes = (*v.shape, *values.shape[1:3])
    call(f"delta_{inner}_backward", sizes, v.numel() * v.shape[-1], *inputs, *grads)
    return grads
