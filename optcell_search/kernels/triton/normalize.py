"""Adam's filter: both traces and what they emit, tile by tile of steps.

v_t = mu v_{t-1} + s z_t,  m_t = beta m_{t-1} + (1 - beta) z_t^2,  u_t = v_t / sqrt(m_t + eps^2)
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..layout import MARK, normalize_marks
from .device import follow, place

CHANNELS = 64


@triton.jit
def _values(p, k):
    """The rule's values for candidate k; all arithmetic is in float32, whatever z is."""
    mu, s = tl.load(p + k * 4).to(tl.float32), tl.load(p + k * 4 + 1).to(tl.float32)
    return mu, s, tl.load(p + k * 4 + 2).to(tl.float32), tl.load(p + k * 4 + 3).to(tl.float32)


@triton.jit
def _traces(z, at, n, t, valid, mu, s, beta, v_0, m_0, B, W, STEPS: tl.constexpr):
    """The traces before and after each step of a tile, from those before its first step."""
    i = tl.arange(0, STEPS)[:, None]
    x = tl.load(z + at * W + n, mask=(t < valid) & (n < W), other=0.0).to(tl.float32)
    # Before step t stands what came of step t - 1; the first row takes no step at all.
    moved = (i > 0) & (t - 1 < valid)
    last = tl.load(z + (at - B) * W + n, mask=moved & (n < W), other=0.0).to(tl.float32)
    still = last * 0
    reach_v, local_v = tl.associative_scan((still + tl.where(moved, mu, 1.0), s * last), 0, follow)
    square = (1 - beta) * last * last
    reach_m, local_m = tl.associative_scan((still + tl.where(moved, beta, 1.0), square), 0, follow)
    v_before, m_before = local_v + reach_v * v_0, local_m + reach_m * m_0
    v = tl.where(t < valid, mu * v_before + s * x, v_before)
    m = tl.where(t < valid, beta * m_before + (1 - beta) * x * x, m_before)
    return x, v_before, m_before, v, m


@triton.jit
def _forward(
    z, p, v0, m0, lengths, u, v_end, m_end, marks, T, B, W, C, KEEP: tl.constexpr,
    STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    b, block, k = place(W, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    mu, s, beta, eps = _values(p, k)
    valid = tl.load(lengths + k * B + b)
    state = (k * B + b) * W + n
    carry_v = tl.load(v0 + state, mask=n < W, other=0.0).to(tl.float32)
    carry_m = tl.load(m0 + state, mask=n < W, other=0.0).to(tl.float32)
    for c in range(C):
        if KEEP:
            mark = marks + ((k * C + c) * 2 * B + b) * W + n
            tl.store(mark, carry_v, mask=n < W)
            tl.store(mark + B * W, carry_m, mask=n < W)
        t = c * STEPS + i
        at = (k * T + t) * B + b
        _, _, _, v, m = _traces(z, at, n, t, valid, mu, s, beta, carry_v, carry_m, B, W, STEPS)
        out = tl.where(t < valid, v / tl.sqrt(m + eps * eps), 0.0)
        tl.store(u + at * W + n, out, mask=(t < T) & (n < W))
        carry_v = tl.sum(tl.where(i == STEPS - 1, v, 0.0), 0, keep_dims=True)
        carry_m = tl.sum(tl.where(i == STEPS - 1, m, 0.0), 0, keep_dims=True)
    tl.store(v_end + state, carry_v, mask=n < W)
    tl.store(m_end + state, carry_m, mask=n < W)


@triton.jit
def _backward(
    grad_u, grad_v, grad_m, z, p, lengths, marks, dz, partial, dv, dm, T, B, W, C,
    STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    b, block, k = place(W, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    mu, s, beta, eps = _values(p, k)
    valid = tl.load(lengths + k * B + b)
    state = (k * B + b) * W + n
    # What flows into the last trace of a tile from later steps.
    carry_v = tl.load(grad_v + state, mask=n < W, other=0.0).to(tl.float32)
    carry_m = tl.load(grad_m + state, mask=n < W, other=0.0).to(tl.float32)
    d_mu, d_s = tl.zeros((STEPS, CHANNELS), tl.float32), tl.zeros((STEPS, CHANNELS), tl.float32)
    d_beta, d_eps = tl.zeros((STEPS, CHANNELS), tl.float32), tl.zeros((STEPS, CHANNELS), tl.float32)
    for back in range(C):
        c = C - 1 - back
        mark = marks + ((k * C + c) * 2 * B + b) * W + n
        v_0 = tl.load(mark, mask=n < W, other=0.0).to(tl.float32)
        m_0 = tl.load(mark + B * W, mask=n < W, other=0.0).to(tl.float32)
        t = c * STEPS + i
        at = (k * T + t) * B + b
        inside = (t < valid) & (n < W)
        x, v_old, m_old, v, m = _traces(z, at, n, t, valid, mu, s, beta, v_0, m_0, B, W, STEPS)
        g = tl.load(grad_u + at * W + n, mask=inside, other=0.0).to(tl.float32)
        r = 1 / tl.sqrt(m + eps * eps)
        direct = -0.5 * g * v * r * r * r
        on = (i < STEPS - 1) & (t + 1 < valid)
        reach_v, local_v = tl.associative_scan(
            (g * 0 + tl.where(on, mu, 1.0), g * r), 0, follow, reverse=True
        )
        reach_m, local_m = tl.associative_scan(
            (g * 0 + tl.where(on, beta, 1.0), direct), 0, follow, reverse=True
        )
        g_v, g_m = local_v + reach_v * carry_v, local_m + reach_m * carry_m
        tl.store(
            dz + at * W + n,
            tl.where(t < valid, s * g_v + 2 * (1 - beta) * x * g_m, 0.0),
            mask=(t < T) & (n < W),
        )
        d_mu += tl.where(inside, g_v * v_old, 0.0)
        d_s += tl.where(inside, g_v * x, 0.0)
        d_beta += tl.where(inside, g_m * (m_old - x * x), 0.0)
        d_eps += tl.where(inside, 2 * eps * direct, 0.0)
        first = i == 0
        carry_v = tl.sum(
            tl.where(first, g_v * tl.where(t < valid, mu, 1.0), 0.0), 0, keep_dims=True
        )
        carry_m = tl.sum(
            tl.where(first, g_m * tl.where(t < valid, beta, 1.0), 0.0), 0, keep_dims=True
        )
    tl.store(dv + state, carry_v, mask=n < W)
    tl.store(dm + state, carry_m, mask=n < W)
    out = partial + ((k * B + b) * tl.cdiv(W, CHANNELS) + block) * 4
    tl.store(out, tl.sum(tl.sum(d_mu, 1), 0))
    tl.store(out + 1, tl.sum(tl.sum(d_s, 1), 0))
    tl.store(out + 2, tl.sum(tl.sum(d_beta, 1), 0))
    tl.store(out + 3, tl.sum(tl.sum(d_eps, 1), 0))


def normalize_forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, both traces after the last step, and what the backward pass starts from."""
    K, T, B, W = z.shape
    u, v, m = torch.empty_like(z), torch.empty_like(v0), torch.empty_like(m0)
    marks = normalize_marks(z, "triton", keep)
    grid = (B * triton.cdiv(W, CHANNELS), K)
    sizes = (T, B, W, triton.cdiv(T, MARK))
    _forward[grid](z, p, v0, m0, lengths, u, v, m, marks, *sizes, keep, MARK, CHANNELS)
    return u, v, m, marks


def normalize_backward(
    grad_u: Tensor, grad_v: Tensor, grad_m: Tensor, z: Tensor, p: Tensor, lengths: Tensor,
    marks: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of z, p and both initial traces."""
    K, T, B, W = z.shape
    blocks = triton.cdiv(W, CHANNELS)
    dz, dv, dm = torch.empty_like(z), torch.empty_like(grad_v), torch.empty_like(grad_m)
    partial = z.new_empty(K, B, blocks, 4, dtype=torch.float32)
    inputs = (grad_u, grad_v, grad_m, z, p, lengths, marks)
    sizes = (T, B, W, triton.cdiv(T, MARK))
    # Eight warps: the values of a tile do not fit into the registers of four.
    _backward[(B * blocks, K)](*inputs, dz, partial, dv, dm, *sizes, MARK, CHANNELS, num_warps=8)
    return dz, partial.sum((1, 2)).to(p.dtype), dv, dm
