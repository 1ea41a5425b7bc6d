"""Linear recurrences in plain torch: all chunks of steps side by side, then the chunks in a row.

Legend: K candidates, T steps, B sequences, N channels, C steps of a chunk, n chunks. A plane is
(K, T or 1, B or 1, N); the forms are those of `linear_scan`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..layout import all_states
from ..precision import wide

CHUNK = 32

Planes = tuple[Tensor, ...]


def linear_scan_forward(coefficients: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """Every v_t, (K, T, B, states, N), in single precision at least."""
    exact = wide(x.dtype)
    A, F = _split(coefficients.to(exact))
    b = x.to(exact).unbind(-2)
    # A complex input is two planes under one factor, a matrix's one plane under two.
    inputs = tuple(f * b_i for f in F for b_i in b)
    v = _run(A, inputs, initial.unbind(-2))
    return torch.stack(v, -2)


def linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor, dx: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the coefficients and initial; that of x goes to dx.

    The adjoint recurrence, backwards in time.
    """
    exact = wide(x.dtype)
    A, F = _split(coefficients.to(exact))
    b = x.to(exact).unbind(-2)
    turned = _adjoint(A)
    # The gradient at t takes up that at t + 1 through the coefficients of t + 1.
    later = tuple(
        torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1).flip(1) if a.shape[1] > 1 else a
        for a in turned
    )
    flipped = tuple(part.flip(1) for part in all_states(grad, v).to(exact).unbind(-2))
    start = tuple(torch.zeros_like(part) for part in initial.unbind(-2))
    g = tuple(part.flip(1) for part in _run(later, flipped, start))
    before = torch.cat([initial.unsqueeze(1), v[:, :-1]], 1).unbind(-2)
    if len(A) == 1:
        of_A: Planes = (g[0] * before[0],)
        of_F: Planes = (g[0] * b[0],)
        of_x: Planes = (F[0] * g[0],)
    elif len(A) == 2:
        of_A = (g[0] * before[0] + g[1] * before[1], g[1] * before[0] - g[0] * before[1])
        of_F = (g[0] * b[0] + g[1] * b[1],)
        of_x = (F[0] * g[0], F[0] * g[1])
    else:
        of_A = tuple(g_i * v_j for g_i in g for v_j in before)
        of_F = (g[0] * b[0], g[1] * b[0])
        of_x = (F[0] * g[0] + F[1] * g[1],)
    by_coefficients = torch.stack([*of_A, *of_F], -2).sum_to_size(coefficients.shape)
    first = tuple(a[:, :1] for a in turned)
    by_initial = torch.stack(_apply(first, tuple(part[:, :1] for part in g)), -2).squeeze(1)
    dx.copy_(torch.stack(of_x, -2))
    return by_coefficients.to(coefficients.dtype), by_initial


def _split(coefficients: Tensor) -> tuple[Planes, Planes]:
    """What the state is multiplied by, and what the input is."""
    planes = coefficients.unbind(-2)
    cut = {2: 1, 3: 2, 6: 4}[len(planes)]
    return planes[:cut], planes[cut:]


def _apply(A: Planes, v: Planes) -> Planes:
    if len(A) == 1:
        return (A[0] * v[0],)
    if len(A) == 2:
        return A[0] * v[0] - A[1] * v[1], A[0] * v[1] + A[1] * v[0]
    return A[0] * v[0] + A[1] * v[1], A[2] * v[0] + A[3] * v[1]


def _compose(A: Planes, B: Planes) -> Planes:
    """A after B."""
    if len(A) < 4:  # one number follows another as it does a state
        return _apply(A, B)
    first, second = _apply(A, (B[0], B[2])), _apply(A, (B[1], B[3]))
    return first[0], second[0], first[1], second[1]


def _adjoint(A: Planes) -> Planes:
    if len(A) == 1:
        return A
    return (A[0], -A[1]) if len(A) == 2 else (A[0], A[2], A[1], A[3])


def _run(A: Planes, x: Planes, start: Planes) -> Planes:
    """v_t = A_t v_{t-1} + x_t; x (K, T, B, N), start (K, B, N)."""
    K, T, B, N = x[0].shape
    if T == 1:
        moved = _apply(A, tuple(part.unsqueeze(1) for part in start))
        return tuple(m + x_i for m, x_i in zip(moved, x, strict=True))
    C = min(CHUNK, T)
    n = -(-T // C)
    varies = A[0].shape[1] > 1
    cut = tuple(_in_chunks(part, n, C) for part in x)
    factors = tuple(_in_chunks(a, n, C) for a in A) if varies else A
    local: list[Planes] = []
    reach: list[Planes] = []
    for j in range(C):
        a = tuple(part[:, :, j] for part in factors) if varies else A
        now = tuple(part[:, :, j] for part in cut)
        if j:
            moved = _apply(a, local[-1])
            now = tuple(m + x_j for m, x_j in zip(moved, now, strict=True))
            a = _compose(a, reach[-1])
        local.append(now)
        reach.append(a)
    starts = tuple(part.unsqueeze(1) for part in start)
    if n > 1:
        # The ends of the chunks are such a recurrence themselves.
        over = tuple(a[:, :-1] for a in reach[-1]) if varies else reach[-1]
        ends = _run(over, tuple(part[:, :-1] for part in local[-1]), start)
        starts = tuple(torch.cat(pair, 1) for pair in zip(starts, ends, strict=True))
    steps = []
    for a, now in zip(reach, local, strict=True):
        moved = _apply(a, starts)
        steps.append(tuple(m + l_j for m, l_j in zip(moved, now, strict=True)))
    whole = (torch.stack(part, 2).reshape(K, n * C, B, N) for part in zip(*steps, strict=True))
    return tuple(part[:, :T] for part in whole)


def _in_chunks(part: Tensor, n: int, C: int) -> Tensor:
    """(K, T, B, N) -> (K, n, C, B, N), zeros behind its end."""
    K, T, B, N = part.shape
    return torch.nn.functional.pad(part, (0, 0, 0, 0, 0, n * C - T)).reshape(K, n, C, B, N)
