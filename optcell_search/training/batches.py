"""Which sequences are trained on together, in which order."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from optcell_search.tasks import Ragged, Split, buckets


def shuffled(split: Split, size: int, random: torch.Generator) -> list[Tensor]:
    """Return the numbers of the sequences, batch by batch, all of them once.

    What is drawn from `random`:

    - of sequences that are padded one permutation of all, which is cut into batches;
    - of sequences that are kept without padding, see `raw.ragged.unequal`, one permutation of each
      bucket of alike lengths (`raw.ragged.buckets`, short ones first), which is cut into batches;
      then one permutation of the batches.

    Args:
        split: the sequences.
        size: of a batch; the last one, of each bucket, is smaller.
        random: where the draws come from.
    """
    if not isinstance(split.inputs, Ragged):
        return list(torch.split(torch.randperm(len(split), generator=random), size))
    made: list[Tensor] = []
    for bucket in buckets(split.inputs.lengths):
        made += torch.split(bucket[torch.randperm(len(bucket), generator=random)], size)
    return [made[number] for number in torch.randperm(len(made), generator=random).tolist()]


def count(split: Split, size: int) -> int:
    """Return how many batches `shuffled` makes."""
    if not isinstance(split.inputs, Ragged):
        return math.ceil(len(split) / size)
    return sum(math.ceil(len(bucket) / size) for bucket in buckets(split.inputs.lengths))
