"""The simple recurrent network over filtered pre-activations: tanh, relu or modrelu."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl

from .device import product, read, tanh

TANH, RELU, MODRELU = range(3)


@triton.jit
def activated(a, offset, FUNCTION: tl.constexpr):
    """h from the pre-activation and the bias: constants of this file are not seen in here."""
    if FUNCTION == 0:
        h = tanh(a + offset)
    elif FUNCTION == 1:
        h = a + offset
        h = tl.where(h < 0, 0.0, h)
    else:
        # A NaN is on no side of 0, and stays.
        size = tl.where(a < 0, -a, a) + offset
        h = tl.where((size <= 0) | (a == 0), 0.0, tl.where(a < 0, -size, size))
    return h


@triton.jit
def flowed(dh, h, FUNCTION: tl.constexpr):
    """The gradient of the pre-activation, by that of h and by h."""
    if FUNCTION == 0:
        da = dh * (1 - h * h)
    elif FUNCTION == 1:
        da = tl.where(h > 0, dh, 0.0)
    else:
        da = tl.where(h == 0, 0.0, dh)
    return da


@triton.jit
def forward(
    u, turned, bias, h0, c0, h_all, c_all, saved, T, B, H, KEEP: tl.constexpr,
    SEQUENCES: tl.constexpr, WIDTH: tl.constexpr, PRECISION: tl.constexpr, FUNCTION: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    offset = read(bias + k * H + j, j < H)
    before, w = h0 + (k * B + b) * H, turned + k * H * H
    for t in range(T):
        row = (k * T + t) * B + b
        # Asked for before the product and used after it: what is on its way costs no time.
        u_t = read(u + row * H + j, mask)
        a = u_t + product(before, w, H, b < B, H, SEQUENCES, WIDTH, PRECISION)
        before = h_all + row * H
        tl.store(before + j, activated(a, offset, FUNCTION), mask=mask)
        tl.debug_barrier()  # the next step reads h that other threads have stored


@triton.jit
def backward(
    grad_h, grad_c, weight, h0, c0, h_all, c_all, saved, du, dn, dh0, dc0, T, B, H,
    HAS_H: tl.constexpr, HAS_C: tl.constexpr, SEQUENCES: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, FUNCTION: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    zero = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    at, w = du + (k * T * B + b) * H, weight + k * H * H
    for back in range(T):
        row = (k * T + T - 1 - back) * B + b
        # Asked for before the product and used after it.
        h = read(h_all + row * H + j, mask)
        d_h = read(grad_h + row * H + j, mask) if HAS_H else zero
        # Nothing flows into the last step from later ones.
        dh = d_h + product(at, w, H, (b < B) & (back > 0), H, SEQUENCES, WIDTH, PRECISION)
        at = du + row * H
        tl.store(at + j, flowed(dh, h, FUNCTION), mask=mask)
        tl.debug_barrier()  # the product reads what other threads have stored
    dh = product(at, w, H, b < B, H, SEQUENCES, WIDTH, PRECISION)
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
