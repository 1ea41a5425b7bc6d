"""The readable truth: every loop over time, written step by step in plain torch.

Legend: T steps, B sequences, F channels, G drive width (gates x hidden), H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..shapes import Float
from .precision import wide

Hidden = tuple[Tensor, ...]
Step = Callable[[Tensor, Hidden], Hidden]


def scan(
    decay: Float[Tensor, "time_or_1 batch_or_1 1"],
    drive: Float[Tensor, "time batch channels"],
    initial: Float[Tensor, "batch channels"],
) -> Float[Tensor, "time batch channels"]:
    """Run the linear recurrence q_t = decay_t q_{t-1} + drive_t and return every q_t.

    Args:
        decay: (T or 1, B or 1, 1), one factor a step, shared by all channels.
        drive: (T, B, F).
        initial: (B, F), the trace q_0 before the first step.
    """
    trace = initial
    traces = []
    for decay_t, drive_t in zip(decay.expand(len(drive), -1, -1), drive, strict=True):
        trace = decay_t * trace + drive_t
        traces.append(trace)
    return torch.stack(traces).to(drive.dtype)


def linear_scan(
    coefficients: Float[Tensor, "time_or_1 batch_or_1 planes channels"],
    x: Float[Tensor, "time batch inputs channels"],
    initial: Float[Tensor, "batch states channels"],
) -> Float[Tensor, "time batch states channels"]:
    """Run a linear recurrence with coefficients of each channel; see `kernels.linear_scan`."""
    v = initial.unbind(-2)
    history = []
    for factors, b in zip(coefficients.expand(len(x), -1, -1, -1), x, strict=True):
        if factors.shape[-2] == 2:
            a, f = factors.unbind(-2)
            v = (a * v[0] + f * b[:, 0],)
        elif factors.shape[-2] == 3:
            re, im, f = factors.unbind(-2)
            v = (re * v[0] - im * v[1] + f * b[:, 0], re * v[1] + im * v[0] + f * b[:, 1])
        else:
            m11, m12, m21, m22, f1, f2 = factors.unbind(-2)
            v = (m11 * v[0] + m12 * v[1] + f1 * b[:, 0], m21 * v[0] + m22 * v[1] + f2 * b[:, 0])
        history.append(torch.stack(v, -2))
    return torch.stack(history).to(x.dtype)


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
    states = start.to(wide(v.dtype)).unbind(2)
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
            after = tuple(torch.where(valid, new, old) for new, old in zip(after, states, strict=True))
        states = after
        outputs.append((states[0] @ q[t].unsqueeze(-1)).squeeze(-1))
    return torch.stack(outputs).to(v.dtype), torch.stack(states, 2).to(start.dtype)


def recur(step: Step, u: Float[Tensor, "time batch drive"], hidden: Hidden) -> Hidden:
    """Run a cell over a whole sequence of filtered drives.

    Args:
        step: the cell, (u_t (B, G), hidden) -> hidden, each part of hidden (B, ...).
        u: (T, B, G), what the update rule made of the drive.
        hidden: the state before the first step; its first part is the cell's output.

    Returns:
        The parts of the hidden state after every step, each (T, B, ...).
    """
    history = []
    for u_t in u:
        hidden = step(u_t, hidden)
        history.append(hidden)
    return tuple(torch.stack(part) for part in zip(*history, strict=True))


def normalize(
    z: Float[Tensor, "time batch channels"],
    values: tuple[Tensor, Tensor, Tensor, Tensor],
    traces: tuple[Tensor, Tensor],
    lengths: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Filter a drive as Adam does; see `kernels.normalize`."""
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
