"""Symbols, such as words: one weight for what goes in and for what comes out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear


class Symbols(nn.Module):
    """An embedding of symbols 0 .. N - 1, and a read-out tied to it: logits = E h + b.

    E (N, width) starts from U(±0.1), b at 0.

    Source: Press, Wolf: Using the Output Embedding to Improve Language Models, EACL 2017, arXiv
    1608.05859.
    """

    def __init__(
        self,
        count: int,
        width: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, width, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(count, device=device, dtype=dtype))
        nn.init.uniform_(self.weight, -0.1, 0.1)

    def embed(self, x: Tensor) -> Tensor:
        """Return (..., width) from the numbers of symbols (..., 1), of any type.

        A number beyond the symbols is taken for the nearest.
        """
        return embedding(x[..., 0].long().clamp(0, len(self.weight) - 1), self.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., N) of hidden states (..., width)."""
        return linear(hidden, self.weight, self.bias)
