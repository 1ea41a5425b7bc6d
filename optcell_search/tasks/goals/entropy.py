"""Cross-entropy of classes, of which some targets may not be there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.tasks.goals.base import IGNORED


def mean_entropy(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy in nats over the targets that are not `IGNORED`, 0 without any.

    With weights it is Σ w_y · entropy / Σ w_y.

    Args:
        outputs: (..., classes), logits.
        targets: (...), numbers of classes.
        weights: (classes,), how much a target of each class counts; None: all the same.
    """
    flat = targets.flatten()
    total = functional.cross_entropy(
        outputs.flatten(0, -2), flat, weight=weights, ignore_index=IGNORED, reduction="sum"
    )
    there = flat != IGNORED
    counted = there if weights is None else weights[flat.clamp(min=0)] * there
    count = counted.sum()
    # Without any target the sum is 0, and so is the mean.
    return total / torch.where(count > 0, count, 1)
