"""Traces and Adam's filter, step by step.

Legend: T steps, B sequences, F channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float
from ..precision import wide


def scan(
    decay: Float[Tensor, "time_or_1 batch_or_1 1"],
    x: Float[Tensor, "time batch channels"],
    initial: Float[Tensor, "batch channels"],
) -> Float[Tensor, "time batch channels"]:
    """Run the linear recurrence q_t = decay_t q_{t-1} + x_t and return every q_t.

    Args:
        decay: (T or 1, B or 1, 1), one factor a step, shared by all channels.
        x: (T, B, F).
        initial: (B, F), the trace q_0 before the first step.
    """
    trace = initial
    traces = []
    for decay_t, x_t in zip(decay.expand(len(x), -1, -1), x, strict=True):
        trace = decay_t * trace + x_t
        traces.append(trace)
    return torch.stack(traces).to(x.dtype)


def normalize(
    z: Float[Tensor, "time batch channels"],
    values: tuple[Tensor, Tensor, Tensor, Tensor],
    traces: tuple[Tensor, Tensor],
    lengths: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Filter z as Adam does; see `kernels.normalize`."""
    mu, s, beta, eps = values
    exact = wide(z.dtype)
    v, m = (trace.to(exact) for trace in traces)
    emitted = []
    for t, z_t in enumerate(z.to(exact)):
        valid = True if lengths is None else (t < lengths).unsqueeze(-1)
        v = torch.where(torch.as_tensor(valid, device=z.device), mu * v + s * z_t, v)
        m = torch.where(
            torch.as_tensor(valid, device=z.device), beta * m + (1 - beta) * z_t.square(), m
        )
        emitted.append(v * torch.rsqrt(m + eps.square()))
    return torch.stack(emitted).to(z.dtype), (v.to(z.dtype), m.to(z.dtype))
