"""The simple recurrent network over filtered drives, tanh or relu."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl

from .common import SEQUENCES, matrix, product, tanh


@triton.jit
def forward(
    u, weight, bias, h0, c0, h_all, c_all, saved, T, B, H, KEEP: tl.constexpr,
    WIDTH: tl.constexpr, PRECISION: tl.constexpr, STREAM: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    offset = tl.load(bias + k * H + j, mask=j < H, other=0.0)
    h = tl.load(h0 + (k * B + b) * H + j, mask=mask, other=0.0)
    w = weight if STREAM else matrix(weight, k, 0, H, 1, WIDTH, True)
    for t in range(T):
        row = (k * T + t) * B + b
        a = (
            product(h, w, weight, k, 0, H, 1, WIDTH, True, STREAM, PRECISION)
            + tl.load(u + row * H + j, mask=mask, other=0.0)
            + offset
        )
        a = tl.where(a < 0, 0.0, a) if RELU else tanh(a)
        h = tl.where(mask, a, 0.0).to(weight.dtype.element_ty)
        tl.store(h_all + row * H + j, h, mask=mask)


@triton.jit
def backward(
    grad_h, grad_c, weight, h0, c0, h_all, c_all, saved, du, dn, dh0, dc0, T, B, H,
    HAS_H: tl.constexpr, HAS_C: tl.constexpr, WIDTH: tl.constexpr, PRECISION: tl.constexpr,
    STREAM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    dh = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    w = weight if STREAM else matrix(weight, k, 0, H, 1, WIDTH, False)
    for back in range(T):
        row = (k * T + T - 1 - back) * B + b
        if HAS_H:
            dh += tl.load(grad_h + row * H + j, mask=mask, other=0.0)
        h = tl.load(h_all + row * H + j, mask=mask, other=0.0)
        if RELU:
            d = tl.where(h > 0, dh, 0.0).to(weight.dtype.element_ty)
        else:
            d = (dh * (1 - h * h)).to(weight.dtype.element_ty)
        tl.store(du + row * H + j, d, mask=mask)
        dh = product(d, w, weight, k, 0, H, 1, WIDTH, False, STREAM, PRECISION)
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
