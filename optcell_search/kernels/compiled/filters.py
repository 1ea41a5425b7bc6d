"""The trace of a rule, and Adam's filter."""

from __future__ import annotations

import torch
from torch import Tensor

from ..layout import normalize_marks
from .call import call


def _columns(x: Tensor, decay: Tensor) -> tuple[int, ...]:
    """K, T, sequences with a decay of their own, channels of each."""
    K, T, B, D = x.shape
    return (K, T, 1, B * D) if decay.shape[-1] == 1 else (K, T, B, D)


def scan_forward(decay: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """v_t = decay_t v_{t-1} + x_t."""
    v = torch.empty_like(x)
    call("scan_forward", _columns(x, decay), x.numel(), decay, x, initial, v)
    return v


def scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of decay, x and initial."""
    grads = (torch.empty_like(decay), torch.empty_like(v), torch.empty_like(initial))
    shape = _columns(v, decay)
    call("scan_backward", shape, v.numel(), grad, decay, v, initial, *grads)
    return grads


def normalize_forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, both traces after the last step, and what the backward pass starts from."""
    marks = normalize_marks(z, "compiled", keep)
    u, v, m = torch.empty_like(z), torch.empty_like(v0), torch.empty_like(m0)
    inputs = (z, p, v0, m0, lengths)
    call("normalize_forward", tuple(z.shape), z.numel(), *inputs, u, v, m, marks if keep else None)
    return u, v, m, marks


def normalize_backward(
    grad_u: Tensor,
    grad_v: Tensor,
    grad_m: Tensor,
    z: Tensor,
    p: Tensor,
    lengths: Tensor,
    marks: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of z, p and both initial traces."""
    grads = tuple(map(torch.empty_like, (z, p, grad_v, grad_m)))
    inputs = (grad_u, grad_v, grad_m, z, p, lengths, marks)
    call("normalize_backward", tuple(z.shape), z.numel(), *inputs, *grads)
    return grads  # type: ignore[return-value]
