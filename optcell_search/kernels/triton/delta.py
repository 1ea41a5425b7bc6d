"""The delta memory by chunks of steps, in products of matrices: the WY form, with momentum.

A program takes some rows of the matrix S of one head of one sequence through time: rows do not see
each other. A chunk's equations are in delta_chunk.py; S and V before each chunk are written down
for the backward pass, which makes the errors of the chunk anew.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..layout import DELTA, DELTA_STATES, delta_marks
from .delta_chunk import at, factors, factors_backward, gates, inverse, row, unit, unit_backward
from .device import precision, width

# Rows of S that a program carries, and its warps: so the states of heads up to WIDEST_DELTA stay in
# registers.
ROWS, WARPS = 16, 8


@triton.jit
def _forward(
    u, alpha, values, start, lengths, o, end, marks, T, B, heads, d, numbers, room,
    VARIES: tl.constexpr, OWN: tl.constexpr, GATED: tl.constexpr, MOMENTUM: tl.constexpr,
    KEEP: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
    WIDE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(d, ROWS)
    index, k = tl.program_id(0) // blocks, tl.program_id(1).to(tl.int64)
    b, h = index // heads, index % heads
    i, j = tl.arange(0, C), tl.arange(0, WIDTH)
    n = tl.program_id(0) % blocks * ROWS + tl.arange(0, ROWS)
    states: tl.constexpr = 2 if MOMENTUM else 1
    here = n[:, None] * d + j[None, :]
    inside = (n[:, None] < d) & (j[None, :] < d)
    matrix = ((k * B + b) * heads + h) * states * d * d + here
    S = tl.load(start + matrix, mask=inside, other=0.0).to(WIDE)
    V = 0 * S
    if MOMENTUM:
        V = tl.load(start + matrix + d * d, mask=inside, other=0.0).to(WIDE)
    length = tl.minimum(tl.load(lengths + k * B + b), T)
    for chunk in range(tl.cdiv(T, C)):
        t = chunk * C + i
        valid = t < length
        if KEEP:
            mark = marks + k * room + (index * tl.cdiv(T, C) + chunk) * states * d * d + here
            tl.store(mark, S, mask=inside)
            if MOMENTUM:
                tl.store(mark + d * d, V, mask=inside)
        a, beta, p0, p1, p2, p3 = gates(
            u, alpha, values, k, t, b, h, valid, T, B, heads, d, numbers, VARIES, OWN, GATED, WIDE
        )
        x = u + (((k * T + t) * B + b) * numbers + h * d)[:, None]
        seen = valid[:, None] & (j[None, :] < d)
        q, _, _ = unit(tl.load(x + j[None, :], mask=seen, other=0.0).to(WIDE))
        key, _, _ = unit(tl.load(x + heads * d + j[None, :], mask=seen, other=0.0).to(WIDE))
        own = valid[:, None] & (n[None, :] < d)
        v = tl.load(x + 2 * heads * d + n[None, :], mask=own, other=0.0).to(WIDE)
        w_0, w_1, w, before_0, before_1, before, m_1, m = factors(
            a, beta, p0, p1, p2, p3, i, MOMENTUM, C
        )
        right = -before_0[:, None] * tl.dot(key, tl.trans(S), input_precision=PRECISION) - v
        out = -w_0[:, None] * tl.dot(q, tl.trans(S), input_precision=PRECISION)
        if MOMENTUM:
            right -= before_1[:, None] * tl.dot(key, tl.trans(V), input_precision=PRECISION)
            out -= w_1[:, None] * tl.dot(q, tl.trans(V), input_precision=PRECISION)
        lower = before * tl.dot(key, tl.trans(key), input_precision=PRECISION)
        e = tl.dot(inverse(lower, i, C), right, input_precision=PRECISION)
        out -= tl.dot(
            w * tl.dot(q, tl.trans(key), input_precision=PRECISION), e, input_precision=PRECISION
        )
        to = o + (((k * T + t) * B + b) * heads * d + h * d)[:, None] + n[None, :]
        tl.store(to, out, mask=(t < T)[:, None] & (n[None, :] < d))
        written = row(i, C - 1, w)[:, None] * key
        S = -at(i, C - 1, w_0) * S - tl.dot(tl.trans(e), written, input_precision=PRECISION)
        if MOMENTUM:
            S -= at(i, C - 1, w_1) * V
            traced = row(i, C - 1, m)[:, None] * key
            V = at(i, C - 1, m_1) * V + tl.dot(tl.trans(e), traced, input_precision=PRECISION)
    tl.store(end + matrix, S, mask=inside)
    if MOMENTUM:
        tl.store(end + matrix + d * d, V, mask=inside)


@triton.jit
def _backward(
    grad_o, grad_end, u, alpha, values, lengths, marks, du, d_alpha, d_start, T, B, heads, d,
    numbers, room, VARIES: tl.constexpr, OWN: tl.constexpr, GATED: tl.constexpr,
    MOMENTUM: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
    WIDE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    blocks, K = tl.cdiv(d, ROWS), tl.num_programs(1)
    index, k = tl.program_id(0) // blocks, tl.program_id(1).to(tl.int64)
    b, h, block = index // heads, index % heads, tl.program_id(0) % blocks
    i, j = tl.arange(0, C), tl.arange(0, WIDTH)
    n = block * ROWS + tl.arange(0, ROWS)
    states: tl.constexpr = 2 if MOMENTUM else 1
    here = n[:, None] * d + j[None, :]
    inside = (n[:, None] < d) & (j[None, :] < d)
    matrix = ((k * B + b) * heads + h) * states * d * d + here
    gS = tl.load(grad_end + matrix, mask=inside, other=0.0).to(WIDE)
    gV = 0 * gS
    if MOMENTUM:
        gV = tl.load(grad_end + matrix + d * d, mask=inside, other=0.0).to(WIDE)
    length = tl.minimum(tl.load(lengths + k * B + b), T)
    chunks = tl.cdiv(T, C)
    for turn in range(chunks):
        chunk = chunks - 1 - turn
        t = chunk * C + i
        valid = t < length
        mark = marks + k * room + (index * chunks + chunk) * states * d * d + here
        S = tl.load(mark, mask=inside, other=0.0).to(WIDE)
        V = 0 * S
        if MOMENTUM:
            V = tl.load(mark + d * d, mask=inside, other=0.0).to(WIDE)
        a, beta, p0, p1, p2, p3 = gates(
            u, alpha, values, k, t, b, h, valid, T, B, heads, d, numbers, VARIES, OWN, GATED, WIDE
        )
        place = (k * T + t) * B + b
        x = u + (place * numbers + h * d)[:, None]
        seen = valid[:, None] & (j[None, :] < d)
        own = valid[:, None] & (n[None, :] < d)
        x_q = tl.load(x + j[None, :], mask=seen, other=0.0).to(WIDE)
        x_key = tl.load(x + heads * d + j[None, :], mask=seen, other=0.0).to(WIDE)
        q, factor_q, gate_q = unit(x_q)
        key, factor_key, gate_key = unit(x_key)
        v = tl.load(x + 2 * heads * d + n[None, :], mask=own, other=0.0).to(WIDE)
        at_o = (place * heads * d + h * d)[:, None] + n[None, :]
        go = tl.load(grad_o + at_o, mask=own, other=0.0).to(WIDE)
        w_0, w_1, w, before_0, before_1, before, m_1, m = factors(
            a, beta, p0, p1, p2, p3, i, MOMENTUM, C
        )
        # The chunk again: what S and V answer to its keys and queries, and its errors.
        key_S = tl.dot(key, tl.trans(S), input_precision=PRECISION)
        q_S = tl.dot(q, tl.trans(S), input_precision=PRECISION)
        key_V, q_V = 0 * key_S, 0 * q_S
        right = -before_0[:, None] * key_S - v
        if MOMENTUM:
            key_V = tl.dot(key, tl.trans(V), input_precision=PRECISION)
            q_V = tl.dot(q, tl.trans(V), input_precision=PRECISION)
            right -= before_1[:, None] * key_V
        keys = tl.dot(key, tl.trans(key), input_precision=PRECISION)
        read = tl.dot(q, tl.trans(key), input_precision=PRECISION)
        solved = inverse(before * keys, i, C)
        e = tl.dot(solved, right, input_precision=PRECISION)
        # Of the errors, and through the triangular system of what stands on its right.
        last_w, last_m = row(i, C - 1, w), row(i, C - 1, m)
        key_gS = tl.dot(key, tl.trans(gS), input_precision=PRECISION)
        ge = -tl.dot(tl.trans(w * read), go, input_precision=PRECISION)
        ge -= last_w[:, None] * key_gS
        if MOMENTUM:
            ge += last_m[:, None] * tl.dot(key, tl.trans(gV), input_precision=PRECISION)
        by = tl.dot(tl.trans(solved), ge, input_precision=PRECISION)
        below = i[:, None] > i[None, :]
        by_lower = tl.where(below, -tl.dot(by, tl.trans(e), input_precision=PRECISION), 0.0)
        by_read = -tl.dot(go, tl.trans(e), input_precision=PRECISION)
        by_read = tl.where(i[:, None] >= i[None, :], by_read, 0.0)
        by_keys, by_qk = by_lower * before, by_read * w
        dq = tl.dot(by_qk, key, input_precision=PRECISION)
        dq -= w_0[:, None] * tl.dot(go, S, input_precision=PRECISION)
        dkey = tl.dot(tl.trans(by_qk), q, input_precision=PRECISION)
        dkey += tl.dot(by_keys + tl.trans(by_keys), key, input_precision=PRECISION)
        dkey -= before_0[:, None] * tl.dot(by, S, input_precision=PRECISION)
        dkey -= last_w[:, None] * tl.dot(e, gS, input_precision=PRECISION)
        # Of w and alpha w, and so of alpha and beta.
        is_last = i == C - 1
        dw = by_read * read
        dw -= tl.where(is_last[:, None], tl.sum(e * key_gS, 1)[None, :], 0.0)
        dw_0 = -tl.sum(go * q_S, 1) - tl.where(is_last, tl.sum(tl.sum(gS * S, 1), 0), 0.0)
        dw_1 = -tl.sum(go * q_V, 1) - tl.where(is_last, tl.sum(tl.sum(gS * V, 1), 0), 0.0)
        by_alpha, by_beta = factors_backward(
            dw_0, dw_1, dw, -tl.sum(by * key_S, 1), -tl.sum(by * key_V, 1), by_lower * keys,
            w_0, w_1, w, m_1, m, a, beta, p2, p3, i, MOMENTUM, C,
        )  # fmt: skip
        to_key, to_q = before_0[:, None] * by, w_0[:, None] * go
        before_S = -at(i, C - 1, w_0) * gS
        before_S -= tl.dot(tl.trans(to_key), key, input_precision=PRECISION)
        before_S -= tl.dot(tl.trans(to_q), q, input_precision=PRECISION)
        if MOMENTUM:
            dq -= w_1[:, None] * tl.dot(go, V, input_precision=PRECISION)
            dkey -= before_1[:, None] * tl.dot(by, V, input_precision=PRECISION)
            dkey += last_m[:, None] * tl.dot(e, gV, input_precision=PRECISION)
            to_key, to_q = before_1[:, None] * by, w_1[:, None] * go
            gV = at(i, C - 1, m_1) * gV - at(i, C - 1, w_1) * gS
            gV -= tl.dot(tl.trans(to_key), key, input_precision=PRECISION)
            gV -= tl.dot(tl.trans(to_q), q, input_precision=PRECISION)
        gS = before_S
        # Each block of rows has a share in what all of them read.
        share = du + (((block * K + k) * T + t) * B + b)[:, None] * numbers
        to = share + h * d
        tl.store(to + j[None, :], unit_backward(dq, x_q, q, factor_q, gate_q), mask=seen)
        to_keys = to + heads * d + j[None, :]
        tl.store(to_keys, unit_backward(dkey, x_key, key, factor_key, gate_key), mask=seen)
        tl.store(to + 2 * heads * d + n[None, :], -by, mask=own)
        logit = share + 3 * heads * d + h
        tl.store(logit, (by_beta * beta * (1 - beta))[:, None], mask=valid[:, None])
        if GATED:
            to_alpha = d_alpha + (((block * K + k) * T + t) * B + b) * heads + h
            tl.store(to_alpha, by_alpha, mask=valid)
    tl.store(d_start + matrix, gS, mask=inside)
    if MOMENTUM:
        tl.store(d_start + matrix + d * d, gV, mask=inside)


def delta_forward(
    u: Tensor, alpha: Tensor, values: Tensor, start: Tensor, lengths: Tensor, inner: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """o, the states after the last step, and what the backward pass starts from."""
    o = u.new_empty(*u.shape[:3], start.shape[2] * start.shape[-1])
    end, marks = torch.empty_like(start), delta_marks(u, start, keep)
    grid, sizes, kinds, tiles = _plan(u, alpha, values, start, marks, inner)
    _forward[grid](
        u, alpha, values, start, lengths, o, end, marks, *sizes, *kinds, keep, *tiles,
        num_warps=WARPS,
    )  # fmt: skip
    return o, end, marks


def delta_backward(
    grad_o: Tensor, grad_end: Tensor, u: Tensor, alpha: Tensor, values: Tensor, lengths: Tensor,
    marks: Tensor, inner: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, alpha and the states at the start."""
    grid, sizes, kinds, tiles = _plan(u, alpha, values, grad_end, marks, inner)
    blocks = triton.cdiv(grad_end.shape[-1], ROWS)
    # What no step reads has no gradient: the columns of alpha, and steps beyond a length.
    du = torch.zeros(blocks, *u.shape, dtype=grad_end.dtype, device=u.device)
    d_alpha = torch.zeros(blocks, *alpha.shape, dtype=grad_end.dtype, device=u.device)
    d_start = torch.empty_like(grad_end)
    _backward[grid](
        grad_o, grad_end, u, alpha, values, lengths, marks, du, d_alpha, d_start, *sizes, *kinds,
        *tiles, num_warps=WARPS,
    )  # fmt: skip
    return du.sum(0).to(u.dtype), d_alpha.sum(0).to(alpha.dtype), d_start


def _plan(
    u: Tensor, alpha: Tensor, values: Tensor, states: Tensor, marks: Tensor, inner: str
) -> tuple[tuple[int, int], tuple[int, ...], tuple[bool, ...], tuple[object, ...]]:
    """Grid, sizes, which parts there are, and tiles of a kernel."""
    K, T, B, numbers = u.shape
    heads, d = states.shape[2], states.shape[-1]
    kinds = (values.shape[1] > 1, values.shape[2] > 1, alpha.numel() > 0)
    exact = tl.float64 if u.dtype == torch.float64 else tl.float32
    return (
        (B * heads * triton.cdiv(d, ROWS), K),
        (T, B, heads, d, numbers, marks.shape[1]),
        (*kinds, DELTA_STATES[inner] == 2),
        (DELTA, ROWS, width(d), exact, precision(u)),
    )
