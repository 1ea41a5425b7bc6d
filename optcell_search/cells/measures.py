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
    A: Tensor, B: Tensor, m: Tensor, f: Tensor, t: Tensor, discretisation: str
) -> Tensor:
    """Return LegS coefficients after step t, (B, M, N).

        bilinear  m_t = (I - A/2t)^-1 ((I + A/2t) m_{t-1} + B f_t / t)
        zoh       m_t = E m_{t-1} + A^-1 (E - I) B f_t,  E = exp(A ln(t / (t-1)))

    Args:
        A, B: (N, N) and (N,), from `continuous`.
        m: (B, M, N) coefficients of M signals after step t - 1.
        f: (B, M) the signals at step t.
        t: (1,) or (B,), number of the step, from 1.
    """
    if len(t) == 1:
        # One step number, hence one matrix: all signals of all sequences are its rows.
        flat = _transition(A, B, m.flatten(0, 1), f.reshape(-1, 1), t[0], discretisation)
        return flat.view_as(m)
    return _transition(A, B, m, f.unsqueeze(-1), t[:, None, None], discretisation)


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
    E = torch.matrix_exp(A.double() * elapsed) * (t > 1)
    drive = solve_triangular(A.double(), (E - eye) @ B.double()[:, None], upper=False)
    result: Tensor = m @ E.mT.to(m.dtype) + f * drive.mT.to(m.dtype)
    return result
