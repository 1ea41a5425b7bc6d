"""LSTM over filtered drives: a program carries some sequences through all steps.

State and, where they fit, weights stay on chip; a step reads its drive and writes its outputs.
"""

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
    offset = bias + k * 4 * H + j
    b_i, b_f = tl.load(offset, mask=j < H, other=0.0), tl.load(offset + H, mask=j < H, other=0.0)
    b_g, b_o = (
        tl.load(offset + 2 * H, mask=j < H, other=0.0),
        tl.load(offset + 3 * H, mask=j < H, other=0.0),
    )
    h = tl.load(h0 + (k * B + b) * H + j, mask=mask, other=0.0)
    c = tl.load(c0 + (k * B + b) * H + j, mask=mask, other=0.0).to(tl.float32)
    w_i = weight if STREAM else matrix(weight, k, 0, H, 4, WIDTH, True)
    w_f = weight if STREAM else matrix(weight, k, 1, H, 4, WIDTH, True)
    w_g = weight if STREAM else matrix(weight, k, 2, H, 4, WIDTH, True)
    w_o = weight if STREAM else matrix(weight, k, 3, H, 4, WIDTH, True)
    for t in range(T):
        row = (k * T + t) * B + b
        at = u + row * 4 * H + j
        i = sigmoid(
            product(h, w_i, weight, k, 0, H, 4, WIDTH, True, STREAM, PRECISION)
            + tl.load(at, mask=mask, other=0.0)
            + b_i
        )
        f = sigmoid(
            product(h, w_f, weight, k, 1, H, 4, WIDTH, True, STREAM, PRECISION)
            + tl.load(at + H, mask=mask, other=0.0)
            + b_f
        )
        g = tanh(
            product(h, w_g, weight, k, 2, H, 4, WIDTH, True, STREAM, PRECISION)
            + tl.load(at + 2 * H, mask=mask, other=0.0)
            + b_g
        )
        o = sigmoid(
            product(h, w_o, weight, k, 3, H, 4, WIDTH, True, STREAM, PRECISION)
            + tl.load(at + 3 * H, mask=mask, other=0.0)
            + b_o
        )
        c = f * c + i * g
        h = tl.where(mask, o * tanh(c), 0.0).to(weight.dtype.element_ty)
        tl.store(h_all + row * H + j, h, mask=mask)
        tl.store(c_all + row * H + j, c, mask=mask)
        if KEEP:
            kept = saved + row * 4 * H + j
            tl.store(kept, i, mask=mask)
            tl.store(kept + H, f, mask=mask)
            tl.store(kept + 2 * H, g, mask=mask)
            tl.store(kept + 3 * H, o, mask=mask)


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
    dh, dc = tl.zeros((SEQUENCES, WIDTH), tl.float32), tl.zeros((SEQUENCES, WIDTH), tl.float32)
    w_i = weight if STREAM else matrix(weight, k, 0, H, 4, WIDTH, False)
    w_f = weight if STREAM else matrix(weight, k, 1, H, 4, WIDTH, False)
    w_g = weight if STREAM else matrix(weight, k, 2, H, 4, WIDTH, False)
    w_o = weight if STREAM else matrix(weight, k, 3, H, 4, WIDTH, False)
    for back in range(T):
        t = T - 1 - back
        row = (k * T + t) * B + b
        if HAS_H:
            dh += tl.load(grad_h + row * H + j, mask=mask, other=0.0)
        if HAS_C:
            dc += tl.load(grad_c + row * H + j, mask=mask, other=0.0)
        kept = saved + row * 4 * H + j
        i, f = tl.load(kept, mask=mask, other=0.0), tl.load(kept + H, mask=mask, other=0.0)
        g, o = (
            tl.load(kept + 2 * H, mask=mask, other=0.0),
            tl.load(kept + 3 * H, mask=mask, other=0.0),
        )
        later = row >= (k * T + 1) * B
        old = tl.load(c_all + (row - B) * H + j, mask=mask & later, other=0.0)
        old += tl.load(c0 + (k * B + b) * H + j, mask=mask & ~later, other=0.0)
        y = tanh(tl.load(c_all + row * H + j, mask=mask, other=0.0).to(tl.float32))
        dc += dh * o * (1 - y * y)
        d_i = (dc * g * i * (1 - i)).to(weight.dtype.element_ty)
        d_f = (dc * old * f * (1 - f)).to(weight.dtype.element_ty)
        d_g = (dc * i * (1 - g * g)).to(weight.dtype.element_ty)
        d_o = (dh * y * o * (1 - o)).to(weight.dtype.element_ty)
        at = du + row * 4 * H + j
        tl.store(at, d_i, mask=mask)
        tl.store(at + H, d_f, mask=mask)
        tl.store(at + 2 * H, d_g, mask=mask)
        tl.store(at + 3 * H, d_o, mask=mask)
        dc = dc * f
        dh = product(d_i, w_i, weight, k, 0, H, 4, WIDTH, False, STREAM, PRECISION) + product(
            d_f, w_f, weight, k, 1, H, 4, WIDTH, False, STREAM, PRECISION
        )
        dh += product(d_g, w_g, weight, k, 2, H, 4, WIDTH, False, STREAM, PRECISION) + product(
            d_o, w_o, weight, k, 3, H, 4, WIDTH, False, STREAM, PRECISION
        )
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
    tl.store(dc0 + (k * B + b) * H + j, dc, mask=mask)
