"""The linear memories of HiPPO: how a signal's past is held as coefficients of polynomials.

A measure says how the past is weighted; the best approximation of the past under that measure in
N orthogonal polynomials has coefficients m that follow a linear differential equation:

    LegS  m'(t) = (A m(t) + B f(t)) / t   all of the past evenly, whatever its length
    LegT  m'(t) =  A m(t) + B f(t)        the last `timescale` steps evenly (the LMU's memory)
    LagT  m'(t) =  A m(t) + B f(t)        the past fading exponentially over `timescale` steps

LagT is that of the official code: its coefficients are those of the past, s ago in units of the
timescale, in the Laguerre functions L_n(s) exp(-s/2), which fade and are orthonormal themselves.

Sources: Gu, Dao, Ermon, Rudra, Ré: HiPPO: Recurrent Memory with Optimal Polynomial Projections,
NeurIPS 2020, arXiv 2008.07669, theorems 1 and 2; Voelker, Kajić, Eliasmith: Legendre Memory
Units, NeurIPS 2019, equations (1) and (2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import solve_triangular

from ...kernels import exporting

MEASURES = ("legs", "legt", "lagt")
DISCRETISATIONS = ("bilinear", "zoh")


def continuous(measure: str, order: int) -> tuple[Tensor, Tensor]:
    """Return A (N, N) and B (N,) of the differential equation in float64.

    In units of t for LegS, of the window's length for LegT, of the decay time for LagT. The
    functions are scaled to norm 1: for LegS f(x) = sum_n m_n sqrt(2n+1)
    P_n(2x/t - 1) on 0 <= x <= t, and for LegT likewise on the window.
    """
    n = torch.arange(order, dtype=torch.float64)
    lower = n[:, None] > n[None, :]
    root = torch.sqrt(2 * n + 1)
    if measure == "legs":
        A = -torch.where(lower, root[:, None] * root[None, :], torch.diag(n + 1))
        return A, root
    if measure == "legt":
        sign = torch.where((n[:, None] - n[None, :]) % 2 == 0, 1.0, -1.0).double()
        lower_or_diagonal = n[:, None] >= n[None, :]
        return -root[:, None] * torch.where(lower_or_diagonal, 1.0, sign) * root[None, :], root
    assert measure == "lagt"
    return -torch.tril(torch.ones_like(lower.double())) + torch.eye(order).double() / 2, n * 0 + 1


def discrete(measure: str, order: int, step: float, discretisation: str) -> tuple[Tensor, Tensor]:
    """Return the matrices of m_t = A m_{t-1} + B f_t for a time-invariant memory, in float64.

    Args:
        step: length of a time step in units of the memory's timescale.
        discretisation: ``"bilinear"`` (trapezoidal rule), or ``"zoh"`` (zero-order hold: exact
            for a signal that is constant over each step).
    """
    A, B = continuous(measure, order)
    if discretisation == "bilinear":
        eye = torch.eye(order, dtype=A.dtype)
        both = torch.cat([eye + A * step / 2, step * B[:, None]], 1)
        both = torch.linalg.solve(eye - A * step / 2, both)
        return both[:, :-1], both[:, -1]
    # exp of [[A, B], [0, 0]] holds both matrices, and needs no inverse of A.
    block = A.new_zeros(order + 1, order + 1)
    block[:-1, :-1], block[:-1, -1] = A * step, B * step
    block = torch.matrix_exp(block)
    return block[:-1, :-1], block[:-1, -1]


def scaled_step(
    A: Tensor,
    B: Tensor,
    m: Tensor,
    f: Tensor,
    t: Tensor,
    discretisation: str,
    from_zero: bool = False,
) -> Tensor:
    """Return LegS coefficients after step t, (B, M, N).

        bilinear  m_t = (I - A/2t)^-1 ((I + A/2t) m_{t-1} + B f_t / t)
        zoh       m_t = E m_{t-1} + A^-1 (E - I) B f_t,  E = exp(A ln(t / (t-1)))

    All in single precision at least: in bfloat16 I - A/2t is I from step 256 on, and no solver
    takes halves.

    Args:
        A, B: (N, N) and (N,), from `continuous`.
        m: (B, M, N) coefficients of M signals after step t - 1.
        f: (B, M) the signals at step t.
        t: (1,) or (B,), number of the step, from 1.
        from_zero: count t from 0 instead, at which m = (f, 0, ..., 0).
    """
    if from_zero:
        later = scaled_step(A, B, m, f, (t - 1).clamp(min=1), discretisation)
        first = torch.nn.functional.pad(f.unsqueeze(-1), (0, B.shape[0] - 1))
        return torch.where(t[:, None, None] == 1, first, later)
    shared = t.shape[0] == 1
    if discretisation == "bilinear" and (exporting() or not shared):
        # No format holds a triangular solve; and one for each sequence is slow.
        return _without_solving(A, B, m, f.unsqueeze(-1), t[:, None, None])
    if shared:
        # One step number, hence one matrix: all signals of all sequences are its rows.
        flat = _transition(A, B, m.flatten(0, 1), f.reshape(-1, 1), t[0], discretisation)
        return flat.view_as(m)
    return _transition(A, B, m, f.unsqueeze(-1), t[:, None, None], discretisation)


def _without_solving(A: Tensor, B: Tensor, m: Tensor, f: Tensor, t: Tensor) -> Tensor:
    """Return the bilinear step (..., N) by cumulative sums, from m (..., N) and f (..., 1).

    A has -B_n B_k below and -d_n on its diagonal. With S_n = sum_{k <= n} B_k x_k, solving
    (I - A/2t) x = y from n = 0 on is x_n = (y_n - B_n S_{n-1} / 2t) / (1 + d_n / 2t), and S follows
    a linear recurrence over n, S_n = a_n S_{n-1} + b_n with |a_n| < 1, here in log2(N) strides.
    """
    d, half = -torch.diagonal(A), 0.5 / t
    own = B * m
    y = m - half * (d * m + B * (own.cumsum(-1) - own)) + f * (B / t)
    scale = 1 + half * d
    a, S = 1 - half * B * B / scale, B * y / scale
    stride = 1
    while stride < B.shape[0]:
        S = torch.cat([S[..., :stride], S[..., stride:] + a[..., stride:] * S[..., :-stride]], -1)
        # Before the first there is nothing, which also a stands for.
        a = torch.nn.functional.pad(a[..., stride:] * a[..., :-stride], (stride, 0))
        stride *= 2
    before = torch.nn.functional.pad(S[..., :-1], (1, 0))
    return (y - half * B * before) / scale


def _transition(
    A: Tensor, B: Tensor, m: Tensor, f: Tensor, t: Tensor, discretisation: str
) -> Tensor:
    """Return the rows (..., R, N) after step t from rows m (..., R, N) and f (..., R, 1)."""
    eye = torch.eye(len(A), dtype=A.dtype, device=A.device)
    if discretisation == "bilinear":
        half = A.mT / (2 * t)
        right = m + m @ half + f * (B / t)
        solved: Tensor = solve_triangular(eye - half, right, upper=True, left=False)
        return solved
    # The signal is constant from t - 1 to t. Before step 1 there is nothing to keep.
    elapsed = torch.log(t / (t - 1).clamp(min=1)).double()
    if exporting():
        E, added = _exponential(A, B, elapsed)
        E = torch.where(t > 1, E, 0.0)
        # A^-1 (0 - I) B, as the first function is the constant 1.
        constant = torch.nn.functional.pad(torch.ones_like(added[..., :1]), (0, B.shape[0] - 1))
        added = torch.where(t > 1, added, constant)
    else:
        E = torch.matrix_exp(A.double() * elapsed) * (t > 1)
        added = solve_triangular(A.double(), (E - eye) @ B.double()[:, None], upper=False).mT
    result: Tensor = m @ E.mT.to(m.dtype) + f * added.to(m.dtype)
    return result


def _exponential(A: Tensor, B: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
    """Return E = exp(A elapsed) and A^-1 (E - I) B as a row, by products alone.

    Every format holds these. Both stand in exp of [[A, B], [0, 0]]: scaled down until it is below 1
    for all of LegS' steps, whose longest is ln 2, then Taylor's series to degree 18 and as many
    squarings.
    """
    size = B.shape[0]
    block = torch.nn.functional.pad(torch.cat([A, B[:, None]], 1), (0, 0, 0, 1)).double()
    squarings = (2 * size * size).bit_length()
    scaled = block * (elapsed * 2.0**-squarings)
    eye = torch.eye(size + 1, dtype=block.dtype, device=block.device)
    exponential = eye
    for degree in range(18, 0, -1):
        exponential = eye + scaled @ exponential / degree
    for _ in range(squarings):
        exponential = exponential @ exponential
    return exponential[..., :-1, :-1], exponential[..., :-1, -1:].mT
