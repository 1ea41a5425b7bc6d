"""A sequence in as few numbers as a small picture of it shows."""

from __future__ import annotations

import torch

from optcell_search.tasks import Split

_STEPS = 100
_FEATURES = 8
_DIGITS = 4


def sketch(split: Split, index: int) -> list[list[float]]:
    """Return a sequence of a split, one list a feature, of even steps where it is long.

    Of more than 8 features, as pictures have them, nothing is returned: their lines tell nothing.

    Args:
        split: the split.
        index: of the sequence.
    """
    steps = split.sequence(index)
    if steps.shape[1] > _FEATURES:
        return []
    kept = torch.linspace(0, len(steps) - 1, min(len(steps), _STEPS)).round().long()
    values = steps[kept.to(steps.device)].T.cpu().double()
    return [[float(f"{value:.{_DIGITS}g}") for value in feature] for feature in values.tolist()]
