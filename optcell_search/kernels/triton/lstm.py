"""LSTM over filtered pre-activations: a program carries some sequences through all steps."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl

from .device import ROWS, STAGES, columns, product, read, rows, sigmoid, tanh


@triton.jit
def forward(
    u, turned, bias, h0, c0, h_all, c_all, saved, T, B, H, KEEP: tl.constexpr,
    SEQUENCES: tl.constexpr, WIDTH: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    offset = bias + k * 4 * H + j
    b_i, b_f = read(offset, j < H), read(offset + H, j < H)
    b_g, b_o = read(offset + 2 * H, j < H), read(offset + 3 * H, j < H)
    zero = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    before = h0 + (k * B + b) * H
    c = read(c0 + (k * B + b) * H + j, mask)
    w_i = turned + k * 4 * H * H
    w_f, w_g, w_o = w_i + H * H, w_i + 2 * H * H, w_i + 3 * H * H
    for t in range(T):
        row = (k * T + t) * B + b
        at = u + row * 4 * H + j
        # Asked for before the products and used after them: what is on its way costs no time.
        u_i, u_f = read(at, mask), read(at + H, mask)
        u_g, u_o = read(at + 2 * H, mask), read(at + 3 * H, mask)
        i, f, g, o = zero + b_i, zero + b_f, zero + b_g, zero + b_o
        for start in tl.range(0, H, ROWS, num_stages=STAGES):
            h = columns(before, start, H, b < B)
            i = tl.dot(h, rows(w_i, start, H, H, WIDTH), i, input_precision=PRECISION)
            f = tl.dot(h, rows(w_f, start, H, H, WIDTH), f, input_precision=PRECISION)
            g = tl.dot(h, rows(w_g, start, H, H, WIDTH), g, input_precision=PRECISION)
            o = tl.dot(h, rows(w_o, start, H, H, WIDTH), o, input_precision=PRECISION)
        i, f, g, o = sigmoid(i + u_i), sigmoid(f + u_f), tanh(g + u_g), sigmoid(o + u_o)
        c = f * c + i * g
        before = h_all + row * H
        tl.store(before + j, o * tanh(c), mask=mask)
        tl.store(c_all + row * H + j, c, mask=mask)
        if KEEP:
            kept = saved + row * 4 * H + j
            tl.store(kept, i, mask=mask)
            tl.store(kept + H, f, mask=mask)
            tl.store(kept + 2 * H, g, mask=mask)
            tl.store(kept + 3 * H, o, mask=mask)
        tl.debug_barrier()  # the next step reads h that other threads have stored


@triton.jit
def backward(
    grad_h, grad_c, weight, h0, c0, h_all, c_all, saved, du, dn, dh0, dc0, T, B, H,
    HAS_H: tl.constexpr, HAS_C: tl.constexpr, SEQUENCES: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0) * SEQUENCES + tl.arange(0, SEQUENCES)[:, None]
    j = tl.arange(0, WIDTH)[None, :]
    mask = (b < B) & (j < H)
    zero = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    dc, at, w = zero, du + (k * T * B + b) * 4 * H, weight + k * 4 * H * H
    for back in range(T):
        t = T - 1 - back
        row = (k * T + t) * B + b
        # Asked for before the product and used after it.
        kept = saved + row * 4 * H + j
        i, f = read(kept, mask), read(kept + H, mask)
        g, o = read(kept + 2 * H, mask), read(kept + 3 * H, mask)
        c = read(c_all + row * H + j, mask)
        old = read(tl.where(t > 0, c_all + (row - B) * H, c0 + (k * B + b) * H) + j, mask)
        d_h = read(grad_h + row * H + j, mask) if HAS_H else zero
        d_c = read(grad_c + row * H + j, mask) if HAS_C else zero
        # Nothing flows into the last step from later ones.
        dh = d_h + product(at, w, 4 * H, (b < B) & (back > 0), H, SEQUENCES, WIDTH, PRECISION)
        y = tanh(c)
        dc += d_c + dh * o * (1 - y * y)
        at = du + row * 4 * H
        tl.store(at + j, dc * g * i * (1 - i), mask=mask)
        tl.store(at + H + j, dc * old * f * (1 - f), mask=mask)
        tl.store(at + 2 * H + j, dc * i * (1 - g * g), mask=mask)
        tl.store(at + 3 * H + j, dh * y * o * (1 - o), mask=mask)
        tl.debug_barrier()  # the product reads what other threads have stored
        dc = dc * f
    dh = product(at, w, 4 * H, b < B, H, SEQUENCES, WIDTH, PRECISION)
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
    tl.store(dc0 + (k * B + b) * H + j, dc, mask=mask)
