"""The recurrence of the gated cells step by step in torch, its backward pass written out.

Legend: K candidates, T steps, B sequences, G gates, H hidden width. One matrix product a step
serves all candidates. Shapes and meanings are those of `recurrence`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..weight_gradients import weight_gradients


def recurrence_forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return h, c (LSTM) and what the backward pass needs of each step."""
    T = u.shape[1]
    turned, bias = weight.mT, bias.unsqueeze(1)
    h, c = h0, c0
    hs, cs, kept = [], [], []
    for t in range(T):
        a = h @ turned if kind == "rnn_modrelu" else torch.baddbmm(bias, h, turned)
        if kind == "lstm":
            i, f, g, o = (a.add_(u[:, t])).chunk(4, -1)
            i, f, g, o = i.sigmoid_(), f.sigmoid_(), g.tanh_(), o.sigmoid_()
            c = torch.addcmul(f * c, i, g)
            h = o * c.tanh()
            cs.append(c)
        elif kind == "gru":
            r, z, q = a.chunk(3, -1)
            u_r, u_z, u_n = u[:, t].chunk(3, -1)
            r, z = r.add_(u_r).sigmoid_(), z.add_(u_z).sigmoid_()
            n = torch.addcmul(u_n, r, q).tanh_()
            h = torch.lerp(n, h, z)
            a = torch.cat([r, z, n, q], -1)
        else:
            a.add_(u[:, t])
            h = _activated(a, bias, kind)
        hs.append(h)
        if keep and not kind.startswith("rnn"):
            kept.append(a)
    none = u.new_empty(len(u), 0)
    return (
        torch.stack(hs, 1),
        torch.stack(cs, 1) if cs else none,
        torch.stack(kept, 1) if kept else none.clone(),
    )


def recurrence_backward(
    grad_h: Tensor,
    grad_c: Tensor,
    weight: Tensor,
    h0: Tensor,
    c0: Tensor,
    h: Tensor,
    c: Tensor,
    saved: Tensor,
    kind: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, of the weights and the bias, of h0 and of c0."""
    K, T, B, H = h.shape
    du = h.new_empty(K, T, B, weight.shape[1])
    dn = torch.empty_like(h) if kind == "gru" else h.new_empty(K, 0)
    dh, dc = torch.zeros_like(h0), torch.zeros_like(c0)
    for t in range(T - 1, -1, -1):
        dh = dh + grad_h[:, t] if grad_h.numel() else dh
        h_old = h[:, t - 1] if t else h0
        flow = du[:, t]
        if kind == "lstm":
            i, f, g, o = saved[:, t].chunk(4, -1)
            tanh_c = c[:, t].tanh()
            dc = dc + grad_c[:, t] if grad_c.numel() else dc
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            parts = (
                dc * g * i * (1 - i),
                dc * (c[:, t - 1] if t else c0) * f * (1 - f),
                dc * i * (1 - g * g),
                dh * tanh_c * o * (1 - o),
            )
            torch.cat(parts, -1, out=flow) if K == 1 else flow.copy_(torch.cat(parts, -1))
            dc = dc * f
            dh = flow @ weight
        elif kind == "gru":
            r, z, n, q = saved[:, t].chunk(4, -1)
            d_n = dh * (1 - z) * (1 - n * n)
            d_q = d_n * r
            flow.copy_(torch.cat([d_n * q * r * (1 - r), dh * (h_old - n) * z * (1 - z), d_n], -1))
            dn[:, t] = d_q
            dh = torch.baddbmm(dh * z, torch.cat([flow[..., : 2 * H], d_q], -1), weight)
        else:
            torch.mul(dh, _slope(h[:, t], kind), out=flow)
            dh = flow @ weight
    return du, *weight_gradients(du, dn, h, h0, kind), dh, dc


def _activated(a: Tensor, bias: Tensor, kind: str) -> Tensor:
    """Return h of a simple recurrence."""
    if kind == "rnn_modrelu":
        return a.sign() * a.abs().add_(bias).relu_()
    return a.tanh() if kind == "rnn_tanh" else a.relu()


def _slope(h: Tensor, kind: str) -> Tensor:
    """Return the slope of its function, by what came out of it."""
    if kind == "rnn_tanh":
        return 1 - h * h
    return (h > 0 if kind == "rnn_relu" else h != 0).to(h.dtype)
