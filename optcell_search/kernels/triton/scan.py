"""Linear recurrence of first order: tiles of steps, inside a tile an associative scan."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from .device import follow, place

STEPS, CHANNELS = 32, 64


@triton.jit
def _forward(decay, x, initial, v, T, R, N, STEPS: tl.constexpr, CHANNELS: tl.constexpr):
    row, block, k = place(N, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    # All arithmetic is in float32, whatever the tensors are.
    carry = tl.load(initial + (k * R + row) * N + n, mask=n < N, other=0.0).to(tl.float32)
    for start in range(0, T, STEPS):
        t = start + i
        at = (k * T + t) * R + row
        inside = (t < T) & (n < N)
        a = tl.load(decay + at, mask=t < T, other=1.0) + tl.zeros((STEPS, CHANNELS), tl.float32)
        b = tl.load(x + at * N + n, mask=inside, other=0.0).to(tl.float32)
        reach, local = tl.associative_scan((a, b), 0, follow)
        now = local + reach * carry
        tl.store(v + at * N + n, now, mask=inside)
        carry = tl.sum(tl.where(i == STEPS - 1, now, 0.0), 0, keep_dims=True)


@triton.jit
def _backward(
    grad, decay, v, initial, partial, dx, T, R, N, STEPS: tl.constexpr, CHANNELS: tl.constexpr
):
    row, block, k = place(N, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    carry = tl.zeros((1, CHANNELS), tl.float32)
    for start in range(0, T, STEPS):
        t = T - 1 - start - i  # backwards in time; before the first step nothing flows
        at = (k * T + t) * R + row
        inside = (t >= 0) & (n < N)
        a = tl.load(decay + at + R, mask=(t >= 0) & (t + 1 < T), other=1.0)
        a = a + tl.zeros((STEPS, CHANNELS), tl.float32)
        b = tl.load(grad + at * N + n, mask=inside, other=0.0).to(tl.float32)
        reach, local = tl.associative_scan((a, b), 0, follow)
        g = local + reach * carry
        tl.store(dx + at * N + n, g, mask=inside)
        before = tl.load(v + (at - R) * N + n, mask=inside & (t > 0), other=0.0)
        before += tl.load(
            initial + (k * R + row) * N + n + 0 * t, mask=inside & (t == 0), other=0.0
        )
        total = tl.sum(g * before, 1, keep_dims=True)
        tl.store(partial + at * tl.cdiv(N, CHANNELS) + block, total, mask=t >= 0)
        carry = tl.sum(tl.where(i == STEPS - 1, g, 0.0), 0, keep_dims=True)


def _columns(x: Tensor, decay: Tensor) -> tuple[int, int, int, int]:
    K, T, B, D = x.shape
    return (K, T, 1, B * D) if decay.shape[-1] == 1 else (K, T, B, D)


def scan_forward(decay: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """v_t = decay_t v_{t-1} + x_t."""
    K, T, R, N = _columns(x, decay)
    v = torch.empty_like(x)
    _forward[(R * triton.cdiv(N, CHANNELS), K)](decay, x, initial, v, T, R, N, STEPS, CHANNELS)
    return v


def scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of decay, x and initial."""
    K, T, R, N = _columns(v, decay)
    blocks = triton.cdiv(N, CHANNELS)
    dx = torch.empty_like(v)
    partial = v.new_empty(K, T, R, blocks, dtype=torch.float32)
    _backward[(R * blocks, K)](grad, decay, v, initial, partial, dx, T, R, N, STEPS, CHANNELS)
    d_initial = decay[:, 0].unsqueeze(-1) * dx[:, 0]
    return partial.sum(-1).to(decay.dtype), dx, d_initial.to(v.dtype)
