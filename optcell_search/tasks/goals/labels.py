"""Several labels for one sequence or step, each of them there or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.tasks.goals.base import Averaged, Goal


@dataclass(frozen=True, kw_only=True)
class Labels(Goal):
    """Labels that can hold together: binary cross-entropy of each.

    Outputs are logits (..., labels), targets 0 or 1 (..., labels), NaN where nobody knows.

    Args:
        names: what the labels are called.
    """

    averaged: ClassVar[Averaged] = "labels"
    metrics: ClassVar[dict[str, str]] = {
        "macro_f1": "maximize",
        "accuracy": "maximize",
        "brier": "minimize",
    }

    names: tuple[str, ...]

    @property
    def output_size(self) -> int:
        """Number of labels."""
        return len(self.names)

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean binary cross-entropy in nats over the labels that are known."""
        if weights is not None:
            raise ValueError("class weights need one class for each target, and here are labels")
        there = ~targets.isnan()
        known = torch.where(there, targets, 0.0).to(outputs.dtype)
        entropy = functional.binary_cross_entropy_with_logits(outputs, known, reduction="none")
        return torch.where(there, entropy, 0.0).sum() / there.sum().clamp(min=1)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (targets, 2 · labels): logits beside targets, in float64."""
        return torch.cat((outputs.double(), targets.double()), -1).flatten(0, -2)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return the metrics and loss (nats).

        macro_f1 is the mean F1 of the labels that occur or are answered, accuracy the share of
        right answers over all labels, brier the mean squared distance of probability and truth.
        """
        count = len(self.names)
        outputs, targets = rows[:, :count].cpu(), rows[:, count:].cpu()
        there = (~targets.isnan()).numpy()
        if np.isnan(outputs.numpy()[there]).any():
            return dict.fromkeys([*self.metrics, "loss"], math.nan)
        answers, truth = (outputs > 0).numpy(), (targets == 1).numpy()
        right = (answers & truth & there).sum(0)
        both = (answers & there).sum(0) + (truth & there).sum(0)
        shares = 2 * right[both > 0] / both[both > 0]
        squares = np.square(outputs.sigmoid().numpy() - targets.numpy())[there]
        return {
            "macro_f1": float(shares.mean()) if len(shares) else math.nan,
            "accuracy": float((answers == truth)[there].mean()) if there.any() else math.nan,
            "brier": float(squares.mean()) if there.any() else math.nan,
            "loss": float(self.loss(outputs, targets)),
        }

    def constant(self, targets: Tensor) -> Tensor:
        """Return the logits of the shares of the labels."""
        return targets.double().flatten(0, -2).nanmean(0).clamp(1e-12, 1 - 1e-12).logit()

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return a confusion matrix of two for each label: not there, there."""
        count = len(self.names)
        answers, targets = rows[:, :count].cpu().numpy() > 0, rows[:, count:].cpu().numpy()
        tables = [
            [[int(((truth == a) & (answer == b)).sum()) for b in (False, True)] for a in (0, 1)]
            for answer, truth in zip(answers.T, targets.T, strict=True)
        ]
        return {"kind": "labels", "names": list(self.names), "matrices": tables}
