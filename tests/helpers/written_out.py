"""The equations of MomentumRNN written out step by step, without a line of optcell_search.

What the fast paths compute is held against this, in float64. Input is (T, B, D); weights are a
state dict of one layer with torch's names; everything starts at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Drives = Iterator[Tensor]


def gd(z: list[Tensor], s: Tensor) -> Drives:
    for z_t in z:
        yield s * z_t


def heavy_ball(z: list[Tensor], mu: Tensor, s: Tensor) -> Drives:
    v = torch.zeros_like(z[0])
    for z_t in z:
        v = mu * v + s * z_t
        yield v


def nesterov(z: list[Tensor], s: Tensor, restart: Tensor) -> Drives:
    v = torch.zeros_like(z[0])
    k = 0
    for z_t in z:
        k = 1 if k == int(restart) and k else k + 1
        v = (k - 1) / (k + 2) * v + s * z_t
        yield v


def adam(z: list[Tensor], mu: Tensor, s: Tensor, beta: Tensor, eps: Tensor) -> Drives:
    v = torch.zeros_like(z[0])
    m = torch.zeros_like(z[0])
    for z_t in z:
        v = mu * v + s * z_t
        m = beta * m + (1 - beta) * z_t * z_t
        yield v / torch.sqrt(m + eps * eps)


def rmsprop(z: list[Tensor], s: Tensor, beta: Tensor, eps: Tensor) -> Drives:
    yield from adam(z, torch.zeros_like(s), s, beta, eps)


def mixture(z: list[Tensor], **values: Tensor) -> Drives:
    logits = torch.stack([values[f"{name}_logit"] for name in INNER])
    alphas = logits.exp() / logits.exp().sum()
    own = {
        name: {
            key.removeprefix(f"{name}_"): value
            for key, value in values.items()
            if key.startswith(f"{name}_") and not key.endswith("_logit")
        }
        for name in INNER
    }
    for made in zip(*(INNER[name](z, **own[name]) for name in INNER), strict=True):
        yield sum((a * u_t for a, u_t in zip(alphas, made, strict=True)), torch.zeros_like(z[0]))


INNER: dict[str, Callable[..., Drives]] = {
    "gd": gd,
    "heavy_ball": heavy_ball,
    "nesterov": nesterov,
    "adam": adam,
    "rmsprop": rmsprop,
}
RULES = {**INNER, "mixture": mixture}


def lstm(u: Tensor, h: Tensor, c: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    H = h.shape[1]
    a = u + h @ U.T + b
    i, f = torch.sigmoid(a[:, :H]), torch.sigmoid(a[:, H : 2 * H])
    g, o = torch.tanh(a[:, 2 * H : 3 * H]), torch.sigmoid(a[:, 3 * H :])
    c = f * c + i * g
    return o * torch.tanh(c), c


def gru(u: Tensor, h: Tensor, c: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    H = h.shape[1]
    a = h @ U.T + b
    r = torch.sigmoid(u[:, :H] + a[:, :H])
    z = torch.sigmoid(u[:, H : 2 * H] + a[:, H : 2 * H])
    n = torch.tanh(u[:, 2 * H :] + r * a[:, 2 * H :])
    return (1 - z) * n + z * h, c


def rnn_tanh(u: Tensor, h: Tensor, c: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tanh(u + h @ U.T + b), c


def rnn_relu(u: Tensor, h: Tensor, c: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return torch.relu(u + h @ U.T + b), c


CELLS = {"lstm": lstm, "gru": gru, "rnn_tanh": rnn_tanh, "rnn_relu": rnn_relu}


def run(
    cell: str, rule: str, x: Tensor, weights: dict[str, Tensor], values: dict[str, Tensor]
) -> Tensor:
    """Return the outputs (T, B, H) of one layer."""
    W, U = weights["weight_ih_l0"], weights["weight_hh_l0"]
    b_ih, b_hh = weights["bias_ih_l0"], weights["bias_hh_l0"]
    z = [x_t @ W.T + b_ih for x_t in x]
    h = c = torch.zeros(x.shape[1], U.shape[1], dtype=x.dtype)
    outputs = []
    for u_t in RULES[rule](z, **values):
        h, c = CELLS[cell](u_t, h, c, U, b_hh)
        outputs.append(h)
    return torch.stack(outputs)
