"""A chunk of the delta memory's steps: what is read, and what follows from the gates alone.

With S_0 and V_0 before a chunk of C steps and the errors e_r = R_r k_r - v_r in it,

    S_t = -w_t[0] S_0 - w_t[1] V_0 - sum_{r <= t} w_t[r] e_r k_r^T,  V_t likewise with m

where w and m follow from alpha, beta and the inner rule's values: see kernels/torch/delta.py, which
has the source. Of a chunk, w[0] and w[1] are vectors over its steps, w[r] a matrix, steps by r.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl

from .device import sigmoid


@triton.jit
def unit(x):
    """silu(x) at length 1 in each row, the factor it was multiplied by, and silu's gate."""
    gate = sigmoid(x)
    y = x * gate
    factor = 1 / tl.sqrt(tl.sum(y * y, 1)[:, None] + 1e-6)
    return y * factor, factor, gate


@triton.jit
def unit_backward(grad, x, y, factor, gate):
    """From the gradient of y to that of x."""
    along = tl.sum(grad * y, 1)[:, None]
    return (grad - y * along) * factor * (gate + x * gate * (1 - gate))


@triton.jit
def at(i, t, x):
    """Number t of a vector."""
    return tl.sum(tl.where(i == t, x, 0.0), 0)


@triton.jit
def row(i, t, x):
    """Row t of a matrix."""
    return tl.sum(tl.where(i[:, None] == t, x, 0.0), 0)


@triton.jit
def gates(
    u, alpha, values, k, t, b, h, valid, T, B, heads, d, width, VARIES: tl.constexpr,
    OWN: tl.constexpr, GATED: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Alpha, beta and the inner rule's values; steps beyond a sequence's length change nothing."""
    place = (k * T + t) * B + b
    beta = sigmoid(tl.load(u + place * width + 3 * heads * d + h, mask=valid, other=0.0).to(WIDE))
    beta = tl.where(valid, beta, 0.0)
    kept = tl.full(t.shape, 1.0, WIDE)
    if GATED:
        kept = tl.load(alpha + place * heads + h, mask=valid, other=1.0).to(WIDE)
    at_values = (k * (T if VARIES else 1) + (t if VARIES else 0 * t)) * (B if OWN else 1)
    p = values + (at_values + (b if OWN else 0)) * 4
    p0 = tl.load(p, mask=valid, other=1.0).to(WIDE)
    p1 = tl.load(p + 1, mask=valid, other=0.0).to(WIDE)
    p2 = tl.load(p + 2, mask=valid, other=0.0).to(WIDE)
    p3 = tl.load(p + 3, mask=valid, other=0.0).to(WIDE)
    return kept, beta, p0, p1, p2, p3


@triton.jit
def factors(alpha, beta, p0, p1, p2, p3, i, MOMENTUM: tl.constexpr, C: tl.constexpr):
    """The parts 0, 1 and r of w, alpha w of the step before, and m.

    Without momentum the parts 1 and m are 0.
    """
    zero = 0 * alpha
    square = zero[:, None] + zero[None, :]
    w, before, m = square, square, square
    w_0, w_1, before_0, before_1, m_1 = zero, zero, zero, zero, zero
    last_w, last_m = zero, zero
    last_0, last_1, last_m1 = at(i, 0, zero) - 1, at(i, 0, zero), at(i, 0, zero) + 1
    for t in range(C):
        a, step = at(i, t, alpha), at(i, t, beta)
        unit_t = tl.where(i == t, 1.0, zero)
        here = i[:, None] == t
        past, past_0, past_1 = a * last_w, a * last_0, a * last_1
        push, push_1 = at(i, t, p3) * unit_t, 0 * a
        if MOMENTUM:
            last_m = at(i, t, p0) * last_m + at(i, t, p1) * unit_t
            last_m1 = at(i, t, p0) * last_m1
            push += at(i, t, p2) * last_m
            push_1 = at(i, t, p2) * last_m1
            m = tl.where(here, last_m[None, :], m)
            m_1 = tl.where(i == t, last_m1, m_1)
        last_w, last_0, last_1 = past + step * push, past_0, past_1 + step * push_1
        before = tl.where(here, past[None, :], before)
        before_0 = tl.where(i == t, past_0, before_0)
        before_1 = tl.where(i == t, past_1, before_1)
        w = tl.where(here, last_w[None, :], w)
        w_0 = tl.where(i == t, last_0, w_0)
        w_1 = tl.where(i == t, last_1, w_1)
    return w_0, w_1, w, before_0, before_1, before, m_1, m


@triton.jit
def factors_backward(
    dw_0, dw_1, dw, dbefore_0, dbefore_1, dbefore, w_0, w_1, w, m_1, m, alpha, beta, p2, p3, i,
    MOMENTUM: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """Gradients of alpha and beta from those of w and of alpha w."""
    zero = 0 * alpha
    d_alpha, d_beta, g, g_0, g_1 = zero, zero, zero, at(i, 0, zero), at(i, 0, zero)
    for s in range(C):
        t = C - 1 - s
        unit_t = tl.where(i == t, 1.0, zero)
        # Of w_t, which is read by its own step and by the next one's alpha w_t.
        g, g_0, g_1 = g + row(i, t, dw), g_0 + at(i, t, dw_0), g_1 + at(i, t, dw_1)
        push, push_1 = at(i, t, p3) * unit_t, 0 * g_1
        if MOMENTUM:
            push += at(i, t, p2) * row(i, t, m)
            push_1 = at(i, t, p2) * at(i, t, m_1)
        by_beta = tl.sum(g * push, 0) + g_1 * push_1
        g, g_0 = g + row(i, t, dbefore), g_0 + at(i, t, dbefore_0)
        g_1 = g_1 + at(i, t, dbefore_1)
        # w before the first step is -S_0 alone.
        last_0 = at(i, t - 1, w_0) - (1.0 if t == 0 else 0.0)
        by_alpha = tl.sum(g * row(i, t - 1, w), 0) + g_0 * last_0 + g_1 * at(i, t - 1, w_1)
        a = at(i, t, alpha)
        g, g_0, g_1 = a * g, a * g_0, a * g_1
        d_alpha = tl.where(i == t, by_alpha, d_alpha)
        d_beta = tl.where(i == t, by_beta, d_beta)
    return d_alpha, d_beta


@triton.jit
def inverse(lower, i, C: tl.constexpr):
    """(1 + L)^-1 for a matrix L below the diagonal, row by row."""
    found = tl.where(i[:, None] == i[None, :], 1.0, 0 * lower)
    for t in range(1, C):
        by = tl.sum(row(i, t, lower)[:, None] * found, 0)
        found -= tl.where(i[:, None] == t, by[None, :], 0 * lower)
    return found
