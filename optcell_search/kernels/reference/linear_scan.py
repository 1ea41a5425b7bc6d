"""Linear recurrences, step by step."""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float


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
    return torch.stack(history)
