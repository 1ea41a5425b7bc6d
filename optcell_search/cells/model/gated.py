"""A gated linear unit behind a recurrent layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedLinear(nn.Module):
    """Makes of what a layer gives something nonlinear, at each step by itself.

        (v, w) = A gelu(h) + b,  g = v ⊙ σ(w)

    Args:
        width: features of h and of g.
        device, dtype: of the parameters.

    Source: Dauphin, Fan, Auli, Grangier: Language Modeling with Gated Convolutional Networks, ICML
    2017, arXiv 1612.08083; behind linear recurrences as in Smith, Warrington, Linderman: Simplified
    State Space Layers for Sequence Modeling, ICLR 2023, arXiv 2208.04933, and in the official code
    of the LRU's and LinOSS's authors.
    """

    def __init__(
        self,
        width: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * width, device=device, dtype=dtype)

    def forward(self, h: Tensor) -> Tensor:
        """Return g from h, both (..., width)."""
        return nn.functional.glu(self.linear(nn.functional.gelu(h)), -1)
