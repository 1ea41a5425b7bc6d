"""GRU over filtered drives: a program carries some sequences through all steps."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl

from .common import SEQUENCES, matrix, product, sigmoid, tanh


@triton.jit
def forward(
    u, weight, bias, h0, c0, h_all, c_all, saved, T, B, H, KEEP: tl.constexpr,
    WIDTH: tl.constexpr, PRECISION: tl.constexpr, STREAM: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    offset = bias + k * 3 * H + j
    b_r, b_z = tl.load(offset, mask=j < H, other=0.0), tl.load(offset + H, mask=j < H, other=0.0)
    b_n = tl.load(offset + 2 * H, mask=j < H, other=0.0)
    h = tl.load(h0 + (k * B + b) * H + j, mask=mask, other=0.0)
    w_r = weight if STREAM else matrix(weight, k, 0, H, 3, WIDTH, True)
    w_z = weight if STREAM else matrix(weight, k, 1, H, 3, WIDTH, True)
    w_n = weight if STREAM else matrix(weight, k, 2, H, 3, WIDTH, True)
    for t in range(T):
        row = (k * T + t) * B + b
        at = u + row * 3 * H + j
        r = sigmoid(
            product(h, w_r, weight, k, 0, H, 3, WIDTH, True, STREAM, PRECISION)
            + tl.load(at, mask=mask, other=0.0)
            + b_r
        )
        z = sigmoid(
            product(h, w_z, weight, k, 1, H, 3, WIDTH, True, STREAM, PRECISION)
            + tl.load(at + H, mask=mask, other=0.0)
            + b_z
        )
        q = product(h, w_n, weight, k, 2, H, 3, WIDTH, True, STREAM, PRECISION) + b_n
        n = tanh(tl.load(at + 2 * H, mask=mask, other=0.0) + r * q)
        h = tl.where(mask, n + z * (h - n), 0.0).to(weight.dtype.element_ty)
        tl.store(h_all + row * H + j, h, mask=mask)
        if KEEP:
            kept = saved + row * 4 * H + j
            tl.store(kept, r, mask=mask)
            tl.store(kept + H, z, mask=mask)
            tl.store(kept + 2 * H, n, mask=mask)
            tl.store(kept + 3 * H, q, mask=mask)


@triton.jit
def backward(
    grad_h, grad_c, weight, h0, c0, h_all, c_all, saved, du, dn, dh0, dc0, T, B, H,
    HAS_H: tl.constexpr, HAS_C: tl.constexpr, WIDTH: tl.constexpr, PRECISION: tl.constexpr,
    STREAM: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    dh = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    w_r = weight if STREAM else matrix(weight, k, 0, H, 3, WIDTH, False)
    w_z = weight if STREAM else matrix(weight, k, 1, H, 3, WIDTH, False)
    w_n = weight if STREAM else matrix(weight, k, 2, H, 3, WIDTH, False)
    for back in range(T):
        t = T - 1 - back
        row = (k * T + t) * B + b
        if HAS_H:
            dh += tl.load(grad_h + row * H + j, mask=mask, other=0.0)
        kept = saved + row * 4 * H + j
        r, z = tl.load(kept, mask=mask, other=0.0), tl.load(kept + H, mask=mask, other=0.0)
        n, q = (
            tl.load(kept + 2 * H, mask=mask, other=0.0),
            tl.load(kept + 3 * H, mask=mask, other=0.0),
        )
        later = row >= (k * T + 1) * B
        old = tl.load(h_all + (row - B) * H + j, mask=mask & later, other=0.0)
        old += tl.load(h0 + (k * B + b) * H + j, mask=mask & ~later, other=0.0)
        d_n = dh * (1 - z) * (1 - n * n)
        d_z = (dh * (old - n) * z * (1 - z)).to(weight.dtype.element_ty)
        d_r = (d_n * q * r * (1 - r)).to(weight.dtype.element_ty)
        d_q = (d_n * r).to(weight.dtype.element_ty)
        at = du + row * 3 * H + j
        tl.store(at, d_r, mask=mask)
        tl.store(at + H, d_z, mask=mask)
        tl.store(at + 2 * H, d_n, mask=mask)
        tl.store(dn + row * H + j, d_q, mask=mask)
        dh = dh * z + product(d_r, w_r, weight, k, 0, H, 3, WIDTH, False, STREAM, PRECISION)
        dh += product(d_z, w_z, weight, k, 1, H, 3, WIDTH, False, STREAM, PRECISION) + product(
            d_q, w_n, weight, k, 2, H, 3, WIDTH, False, STREAM, PRECISION
        )
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
