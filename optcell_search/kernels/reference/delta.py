"""The delta memory, step by step."""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float
from ..precision import wide


def delta(
    q: Float[Tensor, "time batch heads width"],
    k: Float[Tensor, "time batch heads width"],
    v: Float[Tensor, "time batch heads width"],
    alpha: Float[Tensor, "time batch heads"],
    beta: Float[Tensor, "time batch heads"],
    inner: str,
    values: Tensor,
    start: Float[Tensor, "batch heads states width width"],
    lengths: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a delta memory over a sequence; see `kernels.delta`."""
    dtype, exact = v.dtype, wide(v.dtype)
    q, k, v, alpha, beta = (part.to(exact) for part in (q, k, v, alpha, beta))
    states = start.to(exact).unbind(2)
    outputs = []
    for t, p in enumerate(values.expand(len(v), -1, -1)):
        p0, p1, p2, p3 = p[:, :, None, None, None].unbind(1)
        R = alpha[t, ..., None, None] * states[0]
        error = (R @ k[t].unsqueeze(-1)).squeeze(-1) - v[t]
        G = error.unsqueeze(-1) * k[t].unsqueeze(-2)
        traces: tuple[Tensor, ...] = ()
        if inner == "plain":
            U = p3 * G
        elif inner == "trace":
            traces = (p0 * states[1] + p1 * G,)
            U = p2 * traces[0] + p3 * G
        else:
            traces = (p0 * states[1] + p1 * G, p2 * states[2] + (1 - p2) * G.square())
            U = traces[0] * torch.rsqrt(traces[1] + p3.square())
        after = (R - beta[t, ..., None, None] * U, *traces)
        if lengths is not None:
            valid = (t < lengths)[:, None, None, None]
            after = tuple(
                torch.where(valid, new, old) for new, old in zip(after, states, strict=True)
            )
        states = after
        outputs.append((states[0] @ q[t].unsqueeze(-1)).squeeze(-1))
    return torch.stack(outputs).to(dtype), torch.stack(states, 2).to(start.dtype)
