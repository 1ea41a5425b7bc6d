"""Training sequences that are changed a little each time they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from optcell_search.space import Training
from optcell_search.tasks import Batch, Split


def augments(training: Training) -> bool:
    """Return whether a candidate asks for changed sequences."""
    return bool(training.jitter or training.scaling or training.slicing)


class Augmentation:
    """Noise, a factor and a window for each sequence, drawn anew each time.

        slicing  a window of 1 - r of the sequence, r ~ U(0, slicing), from a random start,
                 stretched to the sequence's length by linear interpolation
        scaling  f x, f ~ N(1, scaling) for each sequence and feature
        jitter   x + e, e ~ N(0, jitter) for each value, in units of the feature's standard
                 deviation over the training split

    They are applied in this order. A feature that is the number of a category is never changed, but
    of a window it is that of the step before.

    Args:
        training: the candidate's settings.
        train: the split whose sequences are changed.
        categories: places of the features that are numbers of categories.

    Source: Um et al.: Data Augmentation of Wearable Sensor Data, ICMI 2017, arXiv 1706.00527
    (jittering, scaling); Le Guennec, Malinowski, Tavenard: Data Augmentation for Time Series
    Classification, ECML/PKDD workshop 2016 (window slicing).
    """

    def __init__(self, training: Training, train: Split, categories: Sequence[int] = ()) -> None:
        self._training = training
        self._categories = list(categories)
        self._spread = _spread(train) if training.jitter else None

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with other inputs of the same shapes."""
        x, t = batch.inputs, self._training
        if t.slicing:
            x = _sliced(x, batch.lengths, t.slicing, self._categories)
        kept = x[..., self._categories]
        if t.scaling:
            x = x * (1 + t.scaling * torch.randn_like(x[:, :1]))
        if self._spread is not None:
            x = x + t.jitter * self._spread * torch.randn_like(x)
        if self._categories:
            x = x.clone()
            x[..., self._categories] = kept
        return replace(batch, inputs=x)


def _spread(split: Split) -> Tensor:
    """Return each feature's standard deviation (F,) over all steps that are there."""
    return split.unpadded().values.std(0, correction=0)


def _sliced(x: Tensor, lengths: Tensor | None, most: float, categories: list[int]) -> Tensor:
    count, steps = x.shape[:2]
    last = (
        torch.full((count, 1), steps - 1.0, device=x.device)
        if lengths is None
        else lengths.to(x.device).unsqueeze(1) - 1.0
    )
    kept = 1 - most * torch.rand_like(last)
    start = (1 - kept) * last * torch.rand_like(last)
    steps_there = torch.arange(steps, device=x.device).expand(count, -1)
    place = torch.minimum(start + kept * steps_there, last)
    before = place.floor()
    share = (place - before).unsqueeze(-1).to(x.dtype)
    after = torch.minimum(before + 1, last)

    def at(index: Tensor) -> Tensor:
        return x.gather(1, index.long().unsqueeze(-1).expand_as(x))

    found = torch.lerp(at(before), at(after), share)
    found[..., categories] = at(before)[..., categories]
    return found
