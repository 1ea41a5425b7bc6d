"""The gated recurrence with a HiPPO memory."""

from __future__ import annotations

import torch
from torch import Tensor

from .call import call, some


def hippo_forward(
    u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor, pace: Tensor, h0: Tensor,
    m0: Tensor, act: bool, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """h and m of every step, and what the backward pass needs of each."""
    K, T, batch, _ = u.shape
    readers, M = w_hm.shape[1], m0.shape[2]
    h = u.new_empty(K, T, batch, h0.shape[-1])
    m = u.new_empty(K, T, *m0.shape[1:])
    kept = u.new_empty(K, T, batch, readers + M) if keep else u.new_empty(K, 0)
    arrays = (u, some(w_fh), w_hm, A, B, some(pace), h0, m0, h, m, some(kept))
    _call("hippo_forward", u, h0, m0, w_hm, pace, act, arrays)
    return h, m, kept


def hippo_backward(
    grad_h: Tensor, grad_m: Tensor, u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor,
    pace: Tensor, h0: Tensor, m0: Tensor, h: Tensor, kept: Tensor, act: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, of what enters act, of h0 and of m0."""
    du, dh0, dm0 = map(torch.empty_like, (u, h0, m0))
    df = u.new_empty(*u.shape[:3], m0.shape[2])
    arrays = (
        some(grad_h), some(grad_m), some(w_fh), w_hm, A, B, some(pace), h0, h, kept,
        du, df, dh0, dm0,
    )  # fmt: skip
    _call("hippo_backward", u, h0, m0, w_hm, pace, act, arrays)
    return du, df, dh0, dm0


def _call(
    name: str,
    u: Tensor,
    h0: Tensor,
    m0: Tensor,
    w_hm: Tensor,
    pace: Tensor,
    act: bool,
    arrays: tuple[Tensor | None, ...],
) -> None:
    K, T, batch, width = u.shape
    H, (M, N) = h0.shape[-1], m0.shape[2:]
    gate, rows = w_hm.shape[1] // H - 1, pace.shape[-1] if pace.numel() else 1
    sizes = (K, T, batch, H, M, N, width, gate, rows, int(act))
    call(name, sizes, K * T * batch * w_hm[0].numel(), *arrays)
