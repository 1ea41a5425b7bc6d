"""The loops in plain torch: what runs where no compiled kernel does.

Legend: K candidates, T steps, B sequences, D channels, G gates, H hidden width, C chunk.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..precision import wide

CHUNK = 32


def scan_forward(decay: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """v_t = decay_t v_{t-1} + x_t by chunks: inside a chunk one triangular matrix does all steps,
    and the ends of the chunks are themselves such a recurrence, over T / C steps.

    decay (K, T, B or 1), x (K, T, B, D), initial (K, B, D) -> v (K, T, B, D). Inside a chunk what
    is not finite reaches the steps before it, too.
    """
    exact = wide(x.dtype)
    if x.dtype != exact:
        return scan_forward(decay.to(exact), x.to(exact), initial.to(exact)).to(x.dtype)
    K, T, B, D = x.shape
    C = min(CHUNK, T)
    n = -(-T // C)
    if pad := n * C - T:
        decay = torch.nn.functional.pad(decay, (0, 0, 0, pad))
        x = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, pad))
    a = decay.reshape(K, n, C, -1).mT  # (K, n, B or 1, C)
    rows = a.shape[2]
    # P[t, s] = decay_t ... decay_{s+1}: each column a running product that starts below s.
    ones = torch.ones(C, C, dtype=torch.bool, device=x.device)
    P = torch.where(ones.tril(-1), a.unsqueeze(-1), 1).cumprod(-2).masked_fill(ones.triu(1), 0)
    local = P @ x.reshape(K, n, C, rows, -1).transpose(2, 3)  # (K, n, rows, C, channels)
    reach = a.cumprod(-1)  # what is left of the value before the chunk
    start = initial.reshape(K, 1, rows, -1)
    if n > 1:
        ends = scan_forward(reach[:, :-1, :, -1], local[:, :-1, :, -1], start.squeeze(1))
        start = torch.cat([start, ends], 1)
    v = local + reach.unsqueeze(-1) * start.unsqueeze(3)
    return v.transpose(2, 3).reshape(K, n * C, B, D)[:, :T].contiguous()


def scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of x is the same recurrence backwards: g_t = grad_t + decay_{t+1} g_{t+1}."""
    exact = wide(v.dtype)
    if v.dtype != exact:
        by_decay, *others = scan_backward(
            grad.to(exact), decay.to(exact), v.to(exact), initial.to(exact)
        )
        by_x, by_initial = (part.to(v.dtype) for part in others)
        return by_decay.to(decay.dtype), by_x, by_initial
    later = torch.cat([decay[:, 1:], torch.zeros_like(decay[:, :1])], 1)
    g = scan_forward(later.flip(1), grad.flip(1), torch.zeros_like(initial)).flip(1)
    before = torch.cat([initial.unsqueeze(1), v[:, :-1]], 1)
    d_decay = (g * before).sum(-1)
    if decay.shape[-1] == 1:
        d_decay = d_decay.sum(-1, keepdim=True)
    return d_decay, g, decay[:, 0].unsqueeze(-1) * g[:, 0]


def _traces(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The decays (K, T, B) and the traces (K, T, B, W) of Adam, standing still beyond lengths."""
    mu, s, beta, _ = p.reshape(-1, 4, 1, 1, 1).unbind(1)
    valid = torch.arange(z.shape[1], device=z.device)[:, None] < lengths.unsqueeze(1)
    decay_v, decay_m = (torch.where(valid, a.squeeze(-1), 1) for a in (mu, beta))
    inside = valid.unsqueeze(-1)
    v = scan_forward(decay_v, torch.where(inside, s * z, 0), v0)
    m = scan_forward(decay_m, torch.where(inside, (1 - beta) * z * z, 0), m0)
    return decay_v, decay_m, v, m


def normalize_forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Adam's filter: see `normalize`. The backward pass runs the traces again."""
    exact = wide(z.dtype)
    if z.dtype != exact:
        found = normalize_forward(z.to(exact), p, v0.to(exact), m0.to(exact), lengths, keep)
        return tuple(part.to(z.dtype) for part in found)  # type: ignore[return-value]
    *_, v, m = _traces(z, p, v0, m0, lengths)
    eps = p[:, 3].reshape(-1, 1, 1, 1)
    valid = torch.arange(z.shape[1], device=z.device)[:, None] < lengths.unsqueeze(1)
    u = torch.where(valid.unsqueeze(-1), v * torch.rsqrt(m + eps * eps), 0)
    return u, v[:, -1].clone(), m[:, -1].clone(), torch.stack([v0, m0], 1).unsqueeze(1)


def normalize_backward(
    grad_u: Tensor,
    grad_v: Tensor,
    grad_m: Tensor,
    z: Tensor,
    p: Tensor,
    lengths: Tensor,
    marks: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of z, p and both initial traces."""
    exact = wide(z.dtype)
    if z.dtype != exact:
        grad_u, grad_v, grad_m = grad_u.to(exact), grad_v.to(exact), grad_m.to(exact)
        found = normalize_backward(grad_u, grad_v, grad_m, z.to(exact), p, lengths, marks.to(exact))
        dz, dv, dm = (found[i].to(z.dtype) for i in (0, 2, 3))
        return dz, found[1], dv, dm
    v0, m0 = marks[:, 0].unbind(1)
    decay_v, decay_m, v, m = _traces(z, p, v0, m0, lengths)
    _, s, beta, eps = p.reshape(-1, 4, 1, 1, 1).unbind(1)
    valid = (torch.arange(z.shape[1], device=z.device)[:, None] < lengths.unsqueeze(1))[..., None]
    r = torch.rsqrt(m + eps * eps)
    grad_u = torch.where(valid, grad_u, 0)
    by_v = grad_u * r
    by_m = -0.5 * grad_u * v * r * r * r
    d_eps = 2 * eps[..., 0, 0, 0] * by_m.sum((1, 2, 3))
    by_v[:, -1] += grad_v
    by_m[:, -1] += grad_m
    _, g_v, d_v0 = scan_backward(by_v, decay_v, v, v0)
    _, g_m, d_m0 = scan_backward(by_m, decay_m, m, m0)
    v_before = torch.cat([v0.unsqueeze(1), v[:, :-1]], 1)
    m_before = torch.cat([m0.unsqueeze(1), m[:, :-1]], 1)
    g_v, g_m = torch.where(valid, g_v, 0), torch.where(valid, g_m, 0)
    dz = s * g_v + 2 * (1 - beta) * z * g_m
    sums = [g_v * v_before, g_v * z, g_m * (m_before - z * z)]
    dp = torch.stack([*(part.sum((1, 2, 3)) for part in sums), d_eps], 1)
    return dz, dp, d_v0, d_m0
