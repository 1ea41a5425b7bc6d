"""Which symbol of a text comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.tasks.goals.base import IGNORED, Averaged, Goal
from optcell_search.tasks.goals.entropy import mean_entropy

_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True, kw_only=True)
class NextSymbol(Goal):
    """Which symbol comes next: cross-entropy, told as perplexity and as bits a symbol.

    Outputs are logits (..., symbols), targets symbol numbers (...), int64. A row of the tally
    stands for a whole piece of text, since there are too many symbols and classes to keep.

    Args:
        symbols: how many there are.
    """

    averaged: ClassVar[Averaged] = "classes"
    metrics: ClassVar[dict[str, str]] = {"perplexity": "minimize", "bits": "minimize"}

    symbols: int

    @property
    def output_size(self) -> int:
        """Number of symbols."""
        return self.symbols

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean cross-entropy in nats; Σ w_y · entropy / Σ w_y with weights."""
        return mean_entropy(outputs, targets, weights)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (1, 2): sum of cross-entropy, symbols."""
        flat = targets.flatten()
        entropy = functional.cross_entropy(
            outputs.flatten(0, -2), flat, ignore_index=IGNORED, reduction="none"
        )
        return torch.stack((entropy.double().sum(), (flat != IGNORED).double().sum()))[None]

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return perplexity, bits and loss (nats), each per symbol."""
        entropy, count = rows.sum(0).tolist()
        nats = entropy / count if count else math.nan
        return {
            # Of a model worse than any float can say, the largest that can be said.
            "perplexity": math.exp(min(nats, _LARGEST_EXPONENT)) if nats == nats else nats,
            "bits": nats / math.log(2),
            "loss": nats,
        }

    def constant(self, targets: Tensor) -> None:
        """Nothing: outputs for every symbol of a text would not fit into memory, see the task."""
        return
