"""Sequences of very unequal length: their steps one after the other, padded only batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

# Padded to the longest, sequences have to take so many times the steps that they have, and so many
# steps, to be kept without padding; see `stored`.
TIMES, LEAST = 4, 2**22
# So many steps at once are evaluated of sequences that are kept without padding, at least one
# sequence; and so many sequences, as of those that are padded.
_STEPS, _BATCH = 2**18, 512


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences (sequences, time, ...) whose steps lie one after the other.

    It has the `shape` that it would have padded.

    Args:
        values: (steps of all sequences, ...), those of the first sequence first.
        lengths: (sequences,), int64 on the CPU, each at least 1.
        fill: what a batch has behind the end of a short sequence.
    """

    values: Tensor
    lengths: Tensor
    fill: float = 0.0

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def shape(self) -> torch.Size:
        """(sequences, steps of the longest, ...)."""
        longest = int(self.lengths.max()) if len(self) else 0
        return torch.Size((len(self), longest, *self.values.shape[1:]))

    @property
    def ndim(self) -> int:
        """Dimensions of `shape`."""
        return self.values.ndim + 1

    @property
    def device(self) -> torch.device:
        """Where the values lie."""
        return self.values.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the values."""
        return self.values.dtype

    @property
    def starts(self) -> Tensor:
        """(sequences,): where each sequence begins."""
        return self.lengths.cumsum(0) - self.lengths

    def part(self, index: Tensor) -> Ragged:
        """Return the sequences of these numbers, in this order, without padding."""
        index = index.cpu()
        lengths = self.lengths[index]
        before = lengths.cumsum(0) - lengths
        shift = torch.repeat_interleave(self.starts[index] - before, lengths)
        place = torch.arange(len(shift)) + shift
        return Ragged(self.values[place.to(self.device)], lengths, self.fill)

    def sequence(self, number: int) -> Tensor:
        """Return one sequence (time, ...)."""
        first = int(self.starts[number])
        return self.values[first : first + int(self.lengths[number])]

    def to(self, device: torch.device) -> Ragged:
        """Return it with its values on a device."""
        return Ragged(self.values.to(device), self.lengths, self.fill)

    def padded(self) -> Tensor:
        """Return all sequences, padded to the longest."""
        shape = self.shape
        if len(self.values) == shape[0] * shape[1]:
            return self.values.view(shape)
        laid = self.values.new_full(shape, self.fill)
        there = torch.arange(shape[1]) < self.lengths[:, None]
        laid[there.to(self.device)] = self.values
        return laid


Stored = Tensor | Ragged


def ragged(values: Stored, lengths: Tensor | None, fill: float = 0.0) -> Ragged:
    """Return sequences (sequences, time, ...) of these lengths (None: all steps) unpadded."""
    if isinstance(values, Ragged):
        return values
    count, steps = values.shape[:2]
    if lengths is None:
        return Ragged(values.flatten(0, 1), torch.full((count,), steps), fill)
    there = torch.arange(steps) < lengths[:, None]
    return Ragged(values[there.to(values.device)], lengths, fill)


def unequal(lengths: Tensor) -> bool:
    """Return whether sequences are so unequal that they are kept without padding.

    They are where, padded to the longest, they would take more than 4 times the steps that they
    have, and more than 2^22 (4,194,304) steps.
    """
    padded = len(lengths) * int(lengths.max())
    return padded > TIMES * int(lengths.sum()) and padded > LEAST


def stored(sequences: Ragged) -> Stored:
    """Return sequences as a task keeps them: padded, but where they are too `unequal` for it."""
    return sequences if unequal(sequences.lengths) else sequences.padded()


def part(values: Stored, index: Tensor) -> Stored:
    """Return the sequences of these numbers, kept as they are."""
    return values.part(index) if isinstance(values, Ragged) else values[index.to(values.device)]


def flat(values: Stored) -> Tensor:
    """Return all values there are: of a tensor itself, else the steps one after the other."""
    return values.values if isinstance(values, Ragged) else values


def buckets(lengths: Tensor) -> list[Tensor]:
    """Return numbers of the sequences in groups of alike length, short ones first.

    A group has the lengths from 2^k to 2^(k+1) − 1, so that less than half of a padded batch of
    it is padding.
    """
    sizes = torch.frexp(lengths.double()).exponent
    found = (
        (sizes == size).nonzero()[:, 0] for size in range(int(sizes.min()), int(sizes.max()) + 1)
    )
    return [bucket for bucket in found if len(bucket)]


def batches(lengths: Tensor) -> Iterator[Tensor]:
    """Give all sequences in batches of alike length, as they are evaluated; see `buckets`."""
    for bucket in buckets(lengths):
        most = max(1, min(_BATCH, _STEPS // int(lengths[bucket].max())))
        yield from torch.split(bucket, most)


@torch.no_grad()
def answered(model: nn.Module, inputs: Ragged, *, every: bool) -> Tensor:
    """Return a model's outputs, in the order of the sequences whatever batches they went through.

    Args:
        model: takes packed sequences.
        inputs: the sequences.
        every: whether there is an output at every step.

    Returns:
        (sequences, outputs), or (steps, outputs) one sequence after the other.
    """
    made: list[Tensor] = []
    order: list[Tensor] = []
    for index in batches(inputs.lengths):
        lengths = inputs.lengths[index]
        packed = pack_padded_sequence(
            inputs.part(index).padded(), lengths, batch_first=True, enforce_sorted=False
        )
        outputs = model(packed)
        if not every:
            made.append(outputs)
            order.append(index)
            continue
        steps = torch.arange(outputs.shape[1])
        there = steps < lengths[:, None]
        made.append(outputs[there.to(outputs.device)])
        order.append((inputs.starts[index, None] + steps)[there])
    found = torch.cat(made)
    laid = torch.empty_like(found)
    laid[torch.cat(order).to(found.device)] = found
    return laid
