"""The delta memory by chunks of steps, in products of matrices: the WY form, with momentum.

Every gradient is of rank one, G_t = e_t k_t^T with the error e_t = R_t k_t - v_t. So with S_0 and
V_0 before a chunk,

    S_t = -w_t[0] S_0 - w_t[1] V_0 - sum_{r <= t} w_t[r] e_r k_r^T
    V_t =  m_t[1] V_0              + sum_{r <= t} m_t[r] e_r k_r^T

where the factors w and m follow from alpha, beta and the inner rule's values alone. The errors of a
chunk then solve a triangular system, e + L e = -alpha (w[0] S_0 + w[1] V_0) k - v, with
L[t, r] = alpha_t w_{t-1}[r] (k_r . k_t), and S and V go from chunk to chunk.

Source of the form without momentum: Yang, Wang, Zhang, Shen, Kim: Parallelizing Linear Transformers
with the Delta Rule over Sequence Length, NeurIPS 2024, arXiv 2406.06484, section 3.

Legend: T steps, B sequences, h heads, n chunks of C steps, d width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..precision import wide

CHUNK = 32


def delta_chunks(
    q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, values: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Return o (T, B, h, d) and the states at the end, for the inner rules ``plain`` and ``trace``.

    Args:
        q, k, v: (T, B, h, d).
        alpha, beta: (T, B, h).
        values: (T or 1, B or 1, 4).
        start: (B, h, states, d, d).
    """
    T, dtype, exact = v.shape[0], v.dtype, wide(v.dtype)
    C = min(CHUNK, T)
    values = values.expand(T, -1, -1).unsqueeze(2)
    q, k, v = (_in_chunks(part.to(exact), C, 0.0) for part in (q, k, v))
    alpha, beta, p0, p1, p2, p3 = (
        _in_chunks(part.to(exact), C, fill)
        for part, fill in zip(
            (alpha, beta, *values.unbind(-1)), (1.0, 0.0, 1.0, 0.0, 0.0, 0.0), strict=True
        )
    )
    momentum = start.shape[2] > 1
    if not momentum:
        p2 = torch.zeros_like(p2)
    before, w, m = _factors(alpha, beta, (p0, p1, p2, p3))
    L = before[..., 2:] * (k @ k.mT)
    S, V = start.to(exact)[:, :, 0], start.to(exact)[:, :, -1]
    one = torch.eye(C, dtype=exact, device=v.device)
    right = torch.cat([before[..., :1] * k, before[..., 1:2] * k, v], -1)
    by_S, by_V, constant = torch.linalg.solve_triangular(
        L + one, right, upper=False, unitriangular=True
    ).chunk(3, -1)
    read = w[..., 2:] * (q @ k.mT)
    outputs = []
    for i in range(v.shape[0]):
        e = -(by_S[i] @ S.mT) - constant[i]
        o = -w[i, ..., :1] * (q[i] @ S.mT)
        if momentum:
            e = e - by_V[i] @ V.mT
            o = o - w[i, ..., 1:2] * (q[i] @ V.mT)
        outputs.append(o - read[i] @ e)
        last_w, last_m = w[i, :, :, -1, :, None], m[i, :, :, -1, :, None]
        next_S = -last_w[..., :1, :] * S - e.mT @ (last_w[..., 2:, :] * k[i])
        if momentum:
            next_S = next_S - last_w[..., 1:2, :] * V
            V = last_m[..., 1:2, :] * V + e.mT @ (last_m[..., 2:, :] * k[i])
        S = next_S
    o = torch.stack(outputs)  # (n, B, h, C, d)
    o = o.permute(0, 3, 1, 2, 4).flatten(0, 1)[:T]
    end = torch.stack([S, V], 2) if momentum else S.unsqueeze(2)
    return o.to(dtype), end.to(start.dtype)


def _factors(alpha: Tensor, beta: Tensor, p: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Return alpha w of the step before, w and m of each step, (n, B, h, C, 2 + C) each."""
    C = alpha.shape[-1]
    units = torch.eye(C + 2, dtype=alpha.dtype, device=alpha.device)
    w = -units[0].expand(*alpha.shape[:-1], -1)
    m = units[1].expand(*p[0].shape[:-1], -1)
    rows = []
    for t in range(C):
        a, b, p0, p1, p2, p3 = (part[..., t : t + 1] for part in (alpha, beta, *p))
        before = a * w
        m = p0 * m + p1 * units[t + 2]
        w = before + b * (p2 * m + p3 * units[t + 2])
        rows.append((before, w, m.expand_as(w)))
    before, w, m = (torch.stack(part, -2) for part in zip(*rows, strict=True))
    return before, w, m


def _in_chunks(part: Tensor, C: int, fill: float) -> Tensor:
    """(T, B, h, ...) -> (n, B, h, C, ...), filled up at its end."""
    T = part.shape[0]
    n = -(-T // C)
    if n * C > T:
        more = part.new_full((), fill).expand(n * C - T, *part.shape[1:])
        part = torch.cat([part, more])
    return part.reshape(n, C, *part.shape[1:]).movedim(1, 3)
