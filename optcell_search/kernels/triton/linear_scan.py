"""Linear recurrences of channels of their own: tiles of steps, inside a tile an associative scan.

Real coefficients are one number a step. Complex ones and matrices are both taken for 2 x 2
matrices, [[re, -im], [im, re]], which two steps of make one of.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..layout import all_states
from .device import follow, place, read

STEPS, CHANNELS = 32, 64
REAL, COMPLEX, MATRIX = tl.constexpr(2), tl.constexpr(3), tl.constexpr(6)


@triton.jit
def _follow_matrix(a11, a12, a21, a22, x1, x2, b11, b12, b21, b22, y1, y2):
    """Two steps of v <- M v + x, one after the other, as one step."""
    return (
        b11 * a11 + b12 * a21, b11 * a12 + b12 * a22, b21 * a11 + b22 * a21, b21 * a12 + b22 * a22,
        b11 * x1 + b12 * x2 + y1, b21 * x1 + b22 * x2 + y2,
    )  # fmt: skip


@triton.jit
def _matrix(at, N, mask, PLANES: tl.constexpr):
    """The four entries of each step's matrix; 0 where there is none."""
    a, b = read(at, mask), read(at + N, mask)
    if PLANES == COMPLEX:
        return a, -b, b, a
    return a, b, read(at + 2 * N, mask), read(at + 3 * N, mask)


@triton.jit
def _factors(
    coefficients, k, t, row, T, B, N, VARIES: tl.constexpr, OWN: tl.constexpr, PLANES: tl.constexpr
):  # fmt: skip
    """Where a step's coefficients lie."""
    if VARIES:
        return coefficients + ((k * T + t) * B + row) * PLANES * N
    return coefficients + (k * B + row if OWN else k) * PLANES * N + 0 * t


@triton.jit
def _forward(
    coefficients, x, initial, v, T, B, N, VARIES: tl.constexpr, OWN: tl.constexpr,
    PLANES: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    row, block, k = place(N, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    states: tl.constexpr = 1 if PLANES == REAL else 2
    inputs: tl.constexpr = 2 if PLANES == COMPLEX else 1
    begin = initial + (k * B + row) * states * N + n
    carry_1 = read(begin, n < N)
    carry_2 = read(begin + (states - 1) * N, n < N)
    for start in range(0, T, STEPS):
        t = start + i
        inside = (t < T) & (n < N)
        at = (k * T + t) * B + row
        c = _factors(coefficients, k, t, row, T, B, N, VARIES, OWN, PLANES) + n
        b = read(x + at * inputs * N + n, inside)
        to = v + at * states * N + n
        if PLANES == REAL:
            a, y = read(c, inside), read(c + N, inside) * b
            reach, local = tl.associative_scan((a, y), 0, follow)
            now_1 = local + reach * carry_1
            now_2 = now_1
        else:
            a11, a12, a21, a22 = _matrix(c, N, inside, PLANES)
            if PLANES == COMPLEX:
                f = read(c + 2 * N, inside)
                y1, y2 = f * b, f * read(x + (at * inputs + 1) * N + n, inside)
            else:
                y1, y2 = read(c + 4 * N, inside) * b, read(c + 5 * N, inside) * b
            r11, r12, r21, r22, l1, l2 = tl.associative_scan(
                (a11, a12, a21, a22, y1, y2), 0, _follow_matrix
            )
            now_1 = l1 + r11 * carry_1 + r12 * carry_2
            now_2 = l2 + r21 * carry_1 + r22 * carry_2
            tl.store(to + N, now_2, mask=inside)
        tl.store(to, now_1, mask=inside)
        carry_1 = tl.sum(tl.where(i == STEPS - 1, now_1, 0.0), 0, keep_dims=True)
        carry_2 = tl.sum(tl.where(i == STEPS - 1, now_2, 0.0), 0, keep_dims=True)


@triton.jit
def _put(to, N, place: tl.constexpr, value, mask, sums, VARIES: tl.constexpr):
    """A plane of the gradient of coefficients: written down, or added to those of other steps."""
    if VARIES:
        tl.store(to + place * N, value, mask=mask)
        return sums
    return sums + tl.sum(tl.where(mask, value, 0.0), 0, keep_dims=True)


@triton.jit
def _backward(
    grad, coefficients, x, v, initial, d_coefficients, dx, d_initial, T, B, N,
    VARIES: tl.constexpr, OWN: tl.constexpr, PLANES: tl.constexpr, STEPS: tl.constexpr,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    row, block, k = place(N, CHANNELS)
    i, n = tl.arange(0, STEPS)[:, None], block * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    states: tl.constexpr = 1 if PLANES == REAL else 2
    inputs: tl.constexpr = 2 if PLANES == COMPLEX else 1
    begin = initial + (k * B + row) * states * N + n
    carry_1 = tl.zeros((1, CHANNELS), tl.float32)
    carry_2 = tl.zeros((1, CHANNELS), tl.float32)
    s0, s1, s2, s3, s4, s5 = carry_1, carry_1, carry_1, carry_1, carry_1, carry_1
    first_1, first_2 = carry_1, carry_1
    for start in range(0, T, STEPS):
        t = T - 1 - start - i  # backwards in time; before the first step nothing flows
        inside = (t >= 0) & (n < N)
        at = (k * T + t) * B + row
        c = _factors(coefficients, k, t, row, T, B, N, VARIES, OWN, PLANES) + n
        # Through the coefficients of the step after, of which the last one has none.
        later = _factors(coefficients, k, t + 1, row, T, B, N, VARIES, OWN, PLANES) + n
        follows = inside & (t + 1 < T)
        to = d_coefficients + at * PLANES * N + n
        b = read(x + at * inputs * N + n, inside)
        past = v + (at - B) * states * N + n
        before_1 = read(past, inside & (t > 0)) + read(begin + 0 * t, inside & (t == 0))
        g_1 = read(grad + at * states * N + n, inside)
        if PLANES == REAL:
            reach, local = tl.associative_scan((read(later, follows), g_1), 0, follow)
            g_1 = local + reach * carry_1
            g_2 = g_1
            s0 = _put(to, N, 0, g_1 * before_1, inside, s0, VARIES)
            s1 = _put(to, N, 1, g_1 * b, inside, s1, VARIES)
            tl.store(dx + at * N + n, read(c + N, inside) * g_1, mask=inside)
        else:
            g_2 = read(grad + (at * states + 1) * N + n, inside)
            a11, a12, a21, a22 = _matrix(later, N, follows, PLANES)
            r11, r12, r21, r22, l1, l2 = tl.associative_scan(
                (a11, a21, a12, a22, g_1, g_2), 0, _follow_matrix
            )
            g_1 = l1 + r11 * carry_1 + r12 * carry_2
            g_2 = l2 + r21 * carry_1 + r22 * carry_2
            before_2 = read(past + N, inside & (t > 0))
            before_2 += read(begin + N + 0 * t, inside & (t == 0))
            if PLANES == COMPLEX:
                b_2 = read(x + (at * inputs + 1) * N + n, inside)
                s0 = _put(to, N, 0, g_1 * before_1 + g_2 * before_2, inside, s0, VARIES)
                s1 = _put(to, N, 1, g_2 * before_1 - g_1 * before_2, inside, s1, VARIES)
                s2 = _put(to, N, 2, g_1 * b + g_2 * b_2, inside, s2, VARIES)
                f = read(c + 2 * N, inside)
                tl.store(dx + at * inputs * N + n, f * g_1, mask=inside)
                tl.store(dx + (at * inputs + 1) * N + n, f * g_2, mask=inside)
            else:
                s0 = _put(to, N, 0, g_1 * before_1, inside, s0, VARIES)
                s1 = _put(to, N, 1, g_1 * before_2, inside, s1, VARIES)
                s2 = _put(to, N, 2, g_2 * before_1, inside, s2, VARIES)
                s3 = _put(to, N, 3, g_2 * before_2, inside, s3, VARIES)
                s4 = _put(to, N, 4, g_1 * b, inside, s4, VARIES)
                s5 = _put(to, N, 5, g_2 * b, inside, s5, VARIES)
                by_b = read(c + 4 * N, inside) * g_1 + read(c + 5 * N, inside) * g_2
                tl.store(dx + at * N + n, by_b, mask=inside)
        first_1 += tl.sum(tl.where(t == 0, g_1, 0.0), 0, keep_dims=True)
        first_2 += tl.sum(tl.where(t == 0, g_2, 0.0), 0, keep_dims=True)
        carry_1 = tl.sum(tl.where(i == STEPS - 1, g_1, 0.0), 0, keep_dims=True)
        carry_2 = tl.sum(tl.where(i == STEPS - 1, g_2, 0.0), 0, keep_dims=True)
    c = _factors(coefficients, k, 0, row, T, B, N, VARIES, OWN, PLANES) + n
    to = d_initial + (k * B + row) * states * N + n
    sums = d_coefficients + (k * B + row) * PLANES * N + n
    if PLANES == REAL:
        tl.store(to, read(c, n < N) * first_1, mask=n < N)
    else:
        a11, a12, a21, a22 = _matrix(c, N, n < N, PLANES)
        tl.store(to, a11 * first_1 + a21 * first_2, mask=n < N)
        tl.store(to + N, a12 * first_1 + a22 * first_2, mask=n < N)
    if not VARIES:
        tl.store(sums, s0, mask=n < N)
        tl.store(sums + N, s1, mask=n < N)
        if PLANES != REAL:
            tl.store(sums + 2 * N, s2, mask=n < N)
        if PLANES == MATRIX:
            tl.store(sums + 3 * N, s3, mask=n < N)
            tl.store(sums + 4 * N, s4, mask=n < N)
            tl.store(sums + 5 * N, s5, mask=n < N)


def _sizes(x: Tensor, coefficients: Tensor) -> tuple[int, ...]:
    """T, B, N, whether coefficients differ in steps and in sequences, and how many there are."""
    _, T, B, _, N = x.shape
    steps, rows, planes = coefficients.shape[1:4]
    return T, B, N, steps > 1, rows > 1, planes


def linear_scan_forward(coefficients: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """A linear recurrence of one of the three forms."""
    x, sizes = x.contiguous(), _sizes(x, coefficients)
    K, T, B, _, N = x.shape
    v = initial.new_empty(K, T, B, *initial.shape[2:])
    grid = (B * triton.cdiv(N, CHANNELS), K)
    _forward[grid](coefficients, x, initial, v, *sizes, STEPS, CHANNELS)
    return v


def linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor, dx: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the coefficients and initial; that of x goes to dx."""
    x, sizes = x.contiguous(), _sizes(x, coefficients)
    K, _, B, _, N = x.shape
    by_row = coefficients.new_empty(
        K, coefficients.shape[1], B, *coefficients.shape[3:], dtype=torch.float32
    )
    grad = all_states(grad, v).contiguous()
    dense, d_initial = torch.empty_like(x), torch.empty_like(initial)
    grid = (B * triton.cdiv(N, CHANNELS), K)
    arrays = (grad, coefficients, x, v, initial, by_row, dense, d_initial)
    # Of four warps, the usual number, the registers of each would overflow.
    _backward[grid](*arrays, *sizes, STEPS, CHANNELS, num_warps=8)
    dx.copy_(dense)
    return by_row.sum_to_size(coefficients.shape).to(coefficients.dtype), d_initial
