"""GRU over filtered pre-activations: a program carries some sequences through all steps."""

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
    offset = bias + k * 3 * H + j
    b_r, b_z = read(offset, j < H), read(offset + H, j < H)
    b_n = read(offset + 2 * H, j < H)
    zero = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    before = h0 + (k * B + b) * H
    w_r = turned + k * 3 * H * H
    w_z, w_n = w_r + H * H, w_r + 2 * H * H
    for t in range(T):
        row = (k * T + t) * B + b
        at = u + row * 3 * H + j
        # Asked for before the products and used after them: what is on its way costs no time.
        u_r, u_z, u_n = read(at, mask), read(at + H, mask), read(at + 2 * H, mask)
        old = read(before + j, mask)
        r, z, q = zero + b_r, zero + b_z, zero + b_n
        for start in tl.range(0, H, ROWS, num_stages=STAGES):
            h = columns(before, start, H, b < B)
            r = tl.dot(h, rows(w_r, start, H, H, WIDTH), r, input_precision=PRECISION)
            z = tl.dot(h, rows(w_z, start, H, H, WIDTH), z, input_precision=PRECISION)
            q = tl.dot(h, rows(w_n, start, H, H, WIDTH), q, input_precision=PRECISION)
        r, z = sigmoid(r + u_r), sigmoid(z + u_z)
        n = tanh(u_n + r * q)
        before = h_all + row * H
        tl.store(before + j, n + z * (old - n), mask=mask)
        if KEEP:
            kept = saved + row * 4 * H + j
            tl.store(kept, r, mask=mask)
            tl.store(kept + H, z, mask=mask)
            tl.store(kept + 2 * H, n, mask=mask)
            tl.store(kept + 3 * H, q, mask=mask)
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
    rest, at, inner = zero, du + (k * T * B + b) * 3 * H, dn + (k * T * B + b) * H
    w = weight + k * 3 * H * H
    for back in range(T):
        t = T - 1 - back
        row = (k * T + t) * B + b
        # Asked for before the products and used after them.
        kept = saved + row * 4 * H + j
        r, z = read(kept, mask), read(kept + H, mask)
        n, q = read(kept + 2 * H, mask), read(kept + 3 * H, mask)
        old = read(tl.where(t > 0, h_all + (row - B) * H, h0 + (k * B + b) * H) + j, mask)
        d_h = read(grad_h + row * H + j, mask) if HAS_H else zero
        # Nothing flows into the last step from later ones.
        valid = (b < B) & (back > 0)
        dh = d_h + rest + product(at, w, 2 * H, valid, H, SEQUENCES, WIDTH, PRECISION)
        dh += product(inner, w + 2 * H * H, H, valid, H, SEQUENCES, WIDTH, PRECISION)
        d_n = dh * (1 - z) * (1 - n * n)
        at, inner = du + row * 3 * H, dn + row * H
        tl.store(at + j, d_n * q * r * (1 - r), mask=mask)
        tl.store(at + H + j, dh * (old - n) * z * (1 - z), mask=mask)
        tl.store(at + 2 * H + j, d_n, mask=mask)
        tl.store(inner + j, d_n * r, mask=mask)
        tl.debug_barrier()  # the products read what other threads have stored
        rest = dh * z
    dh = rest + product(at, w, 2 * H, b < B, H, SEQUENCES, WIDTH, PRECISION)
    dh += product(inner, w + 2 * H * H, H, b < B, H, SEQUENCES, WIDTH, PRECISION)
    tl.store(dh0 + (k * B + b) * H + j, dh, mask=mask)
