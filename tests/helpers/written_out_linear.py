"""The linear recurrences and the delta memory written out, without a line of optcell_search.

Each takes pre-activations u (T, B, ...) of numbers and a state dict of one layer, in float64 with
complex numbers where the papers have them, and returns h after every step, (T, B, H).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


def _complex(parts: Tensor) -> Tensor:
    return torch.complex(*parts.chunk(2, -1))


def lru(u: Tensor, w: Weights) -> Tensor:
    pole = torch.exp(torch.complex(-w["nu_log"].exp(), w["theta_log"].exp()))
    C, N = _complex(w["weight_hx"]), len(pole)
    x = torch.zeros(u.shape[1], N, dtype=torch.complex128)
    history = []
    for u_t in u:
        x = pole * x + w["gamma_log"].exp() * _complex(u_t[:, : 2 * N])
        history.append((x @ C.T).real + u_t[:, 2 * N :])
    return torch.stack(history)


def oscillator(u: Tensor, w: Weights, discretisation: str) -> Tensor:
    """By the scheme's own equations, each solved for the new z and y, without a matrix."""
    step, A = torch.sigmoid(w["step_logit"]), torch.relu(w["stiffness"])
    G = torch.relu(w["damping"]) if discretisation == "damped" else torch.zeros_like(A)
    if discretisation != "implicit":
        root, square = torch.sqrt(1 + step * G), step**2
        low, high = ((2 + step * G + factor * 2 * root) / square for factor in (-1, 1 - 1e-4))
        A = torch.clamp(w["stiffness"], low, high)
    C, N = _complex(w["weight_hx"]), len(A)
    y = z = torch.zeros(u.shape[1], N, dtype=torch.complex128)
    history = []
    for u_t in u:
        force = _complex(u_t[:, : 2 * N])
        if discretisation == "implicit":  # y_t = y + step z_t inside z_t's equation
            z = (z + step * (-A * y + force)) / (1 + step**2 * A)
        else:
            z = (z + step * (-A * y + force)) / (1 + step * G)
        y = y + step * z
        history.append((y @ C.T).real + u_t[:, 2 * N :])
    return torch.stack(history)


def _g(x: Tensor, candidate: str) -> Tensor:
    return x if candidate == "identity" else torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


def min_gru(u: Tensor, candidate: str) -> Tensor:
    h, history = torch.zeros_like(u[0].chunk(2, -1)[0]), []
    for u_t in u:
        z, new = u_t.chunk(2, -1)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * _g(new, candidate)
        history.append(h)
    return torch.stack(history)


def min_lstm(u: Tensor, candidate: str) -> Tensor:
    h, history = torch.zeros_like(u[0].chunk(3, -1)[0]), []
    for u_t in u:
        f, i, new = u_t.chunk(3, -1)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        h = f / (f + i) * h + i / (f + i) * _g(new, candidate)
        history.append(h)
    return torch.stack(history)


def delta(
    u: Tensor, w: Weights, heads: int, gate: bool, inner: str, p: Mapping[str, float]
) -> Tensor:
    """Head by head and sequence by sequence."""
    H = (u.shape[-1] - (2 if gate else 1) * heads) // 3
    d = H // heads
    sequences = []
    for b in range(u.shape[1]):
        columns = []
        for n in range(heads):
            S = v_trace = m_trace = torch.zeros(d, d, dtype=u.dtype)
            outputs = []
            for t in range(len(u)):
                row = u[t, b]
                q, k, v = (row[i * H + n * d :][:d] for i in range(3))
                q, k = (x * torch.sigmoid(x) for x in (q, k))
                q, k = (x / torch.sqrt((x * x).sum() + 1e-6) for x in (q, k))
                beta = torch.sigmoid(row[3 * H + n])
                if gate:
                    rate = w["gate_rate"][n].exp()
                    S = S * torch.exp(
                        -rate * torch.log1p((row[3 * H + heads + n] + w["gate_bias"][n]).exp())
                    )
                gradient = torch.outer(S @ k - v, k)
                if inner == "gd":
                    direction = p["s"] * gradient
                else:
                    mu = p["mu"] if inner in ("heavy_ball", "adam") else 0.0
                    mu = t / (t + 3) if inner == "nesterov" else mu
                    v_trace = mu * v_trace + p["s"] * gradient
                    direction = v_trace
                if inner in ("adam", "rmsprop"):
                    m_trace = p["beta"] * m_trace + (1 - p["beta"]) * gradient**2
                    direction = v_trace / torch.sqrt(m_trace + p["eps"] ** 2)
                S = S - beta * direction
                outputs.append(S @ q)
            columns.append(torch.stack(outputs))
        sequences.append(torch.cat(columns, -1))
    return torch.stack(sequences, 1)
