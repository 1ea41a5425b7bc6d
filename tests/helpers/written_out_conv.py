"""Convolutional cells written out step by step, without a line of optcell_search.

Even the convolution is spelled out, as a sum over the places of its filter. Input is
(T, B, D, H, W); weights are the state dict of one layer; everything starts at zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import written_out
from torch import Tensor
from torch.nn.functional import elu, pad

Weights = dict[str, Tensor]
State = tuple[Tensor, Tensor]
Function = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, Tensor, Tensor, Weights, Function], State]


def conv(x: Tensor, w: Tensor) -> Tensor:
    """(B, D, H, W) and (C, D, k, k) to (B, C, H, W): zeros around, same size."""
    k = w.shape[-1]
    H, W = x.shape[-2:]
    x = pad(x, (k // 2,) * 4)
    return sum(
        torch.einsum("bdhw,cd->bchw", x[..., i : i + H, j : j + W], w[..., i, j])
        for i in range(k)
        for j in range(k)
    )


def recurrent(h: Tensor, w: Weights, name: str, gates: int) -> Tensor:
    """U * h + b, with a separable filter, layer norm and bias where the weights have them."""
    if f"weight_{name}_depth" in w:
        depth = w[f"weight_{name}_depth"]
        h = torch.cat([conv(h[:, c : c + 1], depth[c : c + 1]) for c in range(h.shape[1])], 1)
    a = conv(h, w[f"weight_{name}"])
    if f"norm_{name}" in w:
        parts = []
        for part in a.chunk(gates, 1):
            mean = part.mean((1, 2, 3), keepdim=True)
            variance = part.var((1, 2, 3), correction=0, keepdim=True)
            parts.append((part - mean) / torch.sqrt(variance + 1e-5))
        a = w[f"norm_{name}"][:, None, None] * torch.cat(parts, 1)
    return a + w[f"bias_{name}"][:, None, None] if f"bias_{name}" in w else a


def conv_rnn(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    return phi(u + recurrent(h, w, "hh", 1)), c


def conv_rnn_gated(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    C = h.shape[1]
    a = u + recurrent(h, w, "hh", 2)
    n, z = phi(a[:, :C]), torch.sigmoid(a[:, C:])
    return (1 - z) * n + z * h, c


def conv_gru(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    C = h.shape[1]
    a = recurrent(h, w, "hh", 3)
    r = torch.sigmoid(u[:, :C] + a[:, :C])
    z = torch.sigmoid(u[:, C : 2 * C] + a[:, C : 2 * C])
    n = torch.tanh(u[:, 2 * C :] + r * a[:, 2 * C :])
    return (1 - z) * n + z * h, c


def conv_lstm(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    C = h.shape[1]
    a = u + recurrent(h, w, "hh", 4)
    i, f = torch.sigmoid(a[:, :C]), torch.sigmoid(a[:, C : 2 * C])
    g, o = torch.tanh(a[:, 2 * C : 3 * C]), torch.sigmoid(a[:, 3 * C :])
    c = f * c + i * g
    return o * torch.tanh(c), c


def reciprocal_gated(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    C = h.shape[1]
    from_h, from_c = recurrent(h, w, "h", 2), recurrent(c, w, "c", 2)
    W_hh_h, W_hc_h, W_ch_c, W_cc_c = from_h[:, :C], from_h[:, C:], from_c[:, :C], from_c[:, C:]
    h_next = phi((1 - torch.sigmoid(W_ch_c)) * u + (1 - torch.sigmoid(W_hh_h)) * h)
    return h_next, phi((1 - torch.sigmoid(W_hc_h)) * u + (1 - torch.sigmoid(W_cc_c)) * c)


def reciprocal_added(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    C = h.shape[1]
    from_h, from_c = recurrent(h, w, "h", 2), recurrent(c, w, "c", 2)
    return phi(u + from_c[:, :C] + from_h[:, :C]), phi(u + from_h[:, C:] + from_c[:, C:])


def conv_feedforward(u: Tensor, h: Tensor, c: Tensor, w: Weights, phi: Function) -> State:
    return torch.relu(u), c


# The part of u that a bypass adds to the output, after phi.
PARTS: dict[Step, Callable[[Tensor], Tensor]] = {
    conv_rnn: lambda u: u,
    conv_rnn_gated: lambda u: u[:, : u.shape[1] // 2],
    conv_gru: lambda u: u[:, 2 * u.shape[1] // 3 :],
    conv_lstm: lambda u: u[:, u.shape[1] // 2 : 3 * u.shape[1] // 4],
    reciprocal_gated: lambda u: u,
    reciprocal_added: lambda u: u,
    conv_feedforward: lambda u: u,
}
FUNCTIONS: dict[str, Function] = {"tanh": torch.tanh, "relu": torch.relu, "elu": elu}


def run(
    step: Step,
    rule: str,
    x: Tensor,
    w: Weights,
    values: dict[str, Tensor],
    *,
    channels: int,
    nonlinearity: str,
    bypass: bool = False,
    residual: bool = False,
    extra: Tensor | None = None,
) -> Tensor:
    """Return the outputs (T, B, C, H, W) of one layer."""
    bias = w["bias_ih"][:, None, None] if "bias_ih" in w else 0.0
    z = [conv(x_t, w["weight_ih"]) + bias for x_t in x]
    phi = FUNCTIONS[nonlinearity]
    h = c = x.new_zeros(x.shape[1], channels, *x.shape[3:])
    outputs = []
    for t, filtered in enumerate(written_out.RULES[rule](z, **values)):
        u = filtered if extra is None else filtered + extra[t]
        h, c = step(u, h, c, w, phi)
        y = h + phi(PARTS[step](u)) if bypass else h
        if residual:
            y = y + (conv(x[t], w["weight_residual"]) if "weight_residual" in w else x[t])
        outputs.append(y)
    return torch.stack(outputs)
