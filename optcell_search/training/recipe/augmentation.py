"""Training sequences that are changed a little each time they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from optcell_search.space import Candidate, Training
from optcell_search.tasks import Batch, LoadedTask, Split


def augmentation_of(candidate: Candidate, task: LoadedTask) -> Augmentation | None:
    """Return what changes a task's training sequences for a candidate; None: nothing does."""
    training = candidate.training
    if not (training.jitter or training.scaling or training.slicing):
        return None
    relative = candidate.flat().get("model.relative_to", "none") != "none"
    anchors = {place for place, _, _ in task.anchors} if relative else set()
    categories = [place for place, _ in task.embedded]
    return Augmentation(training, task.train, categories, sorted(anchors))


class Augmentation:
    """Noise, a factor and a window for each sequence, drawn anew each time.

        slicing  a window of 1 - r of the sequence, r ~ U(0, slicing), from a random start,
                 stretched to the sequence's length by linear interpolation
        scaling  f x, f ~ N(1, scaling) for each sequence and feature
        jitter   x + e, e ~ N(0, jitter) for each value, in units of the feature's standard
                 deviation over the training split

    They are applied in this order. A feature that is the number of a category is never changed, but
    of a window it is that of the step before. A feature whose last value x_T the answer is relative
    to (``model.relative_to``) has e_T = 0, so that the level which is added to what is read out
    (`cells.model.Relative`) is the one that belongs to the target.

    Args:
        training: the candidate's settings.
        train: the split whose sequences are changed.
        categories: places of the features that are numbers of categories.
        anchors: places of the features whose last value the answer is relative to.

    Source: Um et al.: Data Augmentation of Wearable Sensor Data, ICMI 2017, arXiv 1706.00527
    (jittering, scaling); Le Guennec, Malinowski, Tavenard: Data Augmentation for Time Series
    Classification, ECML/PKDD workshop 2016 (window slicing).
    """

    def __init__(
        self,
        training: Training,
        train: Split,
        categories: Sequence[int] = (),
        anchors: Sequence[int] = (),
    ) -> None:
        self._training = training
        self._categories = list(categories)
        self._anchors = list(anchors)
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
            noise = t.jitter * self._spread * torch.randn_like(x)
            rows = torch.arange(len(x), device=x.device).unsqueeze(1)
            noise[rows, _ends(x, batch.lengths), self._anchors] = 0
            x = x + noise
        if self._categories:
            x = x.clone()
            x[..., self._categories] = kept
        return replace(batch, inputs=x)


def _spread(split: Split) -> Tensor:
    """Return each feature's standard deviation (F,) over all steps that are there."""
    if split.lengths is None:
        # Windows of a series are views that overlap: written out they would be many times as much.
        assert isinstance(split.inputs, Tensor)
        return split.inputs.std((0, 1), correction=0)
    return split.unpadded().values.std(0, correction=0)


def _ends(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the last step (B, 1) of each sequence."""
    if lengths is None:
        return torch.full((len(x), 1), x.shape[1] - 1, device=x.device)
    return lengths.to(x.device).unsqueeze(1) - 1


def _sliced(x: Tensor, lengths: Tensor | None, most: float, categories: list[int]) -> Tensor:
    count, steps = x.shape[:2]
    last = _ends(x, lengths).float()
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
