"""The direction of time, for the cells that run backwards."""

from __future__ import annotations

import torch
from torch import Tensor


def keep_time(x: Tensor) -> Tensor:
    """Return the sequences as they are."""
    return x


def reverse_time(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Turn each sequence of (T, B, features) around in time, its padding staying at the end."""
    if lengths is None:
        return x.flip(0)
    t = torch.arange(len(x), device=x.device).unsqueeze(1)
    index = torch.where(t < lengths, lengths - 1 - t, t)
    return x.gather(0, index.unsqueeze(-1).expand_as(x))
