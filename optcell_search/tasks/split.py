"""Sequences with their targets, and batches of them as a model takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from optcell_search.raw.kinds.windows import moved
from optcell_search.raw.outputs import IGNORED
from optcell_search.raw.ragged import Ragged, Stored, flat, part, ragged


@dataclass(frozen=True)
class Split:
    """Sequences with their targets.

    Args:
        inputs: (sequences, time, features), floating point; zeros behind the end of a short
            sequence. Without padding where lengths are very unequal, see `raw.ragged.unequal`.
        targets: (sequences, ...) for one answer per sequence, (sequences, time, ...) for one per
            step, without padding where inputs have none; what is behind the end of a short
            sequence is marked as `goals` says.
        lengths: (sequences,), int64 on the CPU: steps of each sequence; None: all of them.
        drivers: what penalties judge predictions by, in physical units, by name; each
            (sequences, ...). Only where all sequences are of one length.
        groups: (sequences,), int64 on the CPU: sequences of one number belong together and are
            never divided between training and validation; None: each stands for itself.
        last_season: of a forecast, (sequences, series, steps), float64 on the CPU: the values of
            each series that the seasonal-naive forecast repeats, in their order; NaN where one is
            not known. None: that forecast is not known.
    """

    inputs: Stored
    targets: Stored
    lengths: Tensor | None = None
    drivers: Mapping[str, Tensor] = field(default_factory=dict)
    groups: Tensor | None = None
    last_season: Tensor | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: Tensor) -> Batch:
        """Return the sequences with these numbers (1-D int64, on the CPU), padded.

        Where they are kept without padding, that is to the longest of them.
        """
        own = self.part(index)
        inputs, targets = (
            values.padded() if isinstance(values, Ragged) else values
            for values in (own.inputs, own.targets)
        )
        return Batch(inputs, targets, own.lengths, own.drivers, own.groups)

    def part(self, index: Tensor) -> Split:
        """Return the sequences with these numbers (1-D int64, on the CPU), kept as they are."""
        on_device = index.to(self.inputs.device)
        return Split(
            part(self.inputs, index),
            part(self.targets, index),
            None if self.lengths is None else self.lengths[index],
            {name: values[on_device] for name, values in self.drivers.items()},
            None if self.groups is None else self.groups[index],
            None if self.last_season is None else self.last_season[index],
        )

    def sequence(self, number: int) -> Tensor:
        """Return the inputs (time, features) of one sequence, without padding."""
        if isinstance(self.inputs, Ragged):
            return self.inputs.sequence(number)
        steps = self.inputs[number]
        return steps if self.lengths is None else steps[: int(self.lengths[number])]

    def unpadded(self) -> Ragged:
        """Return the inputs of all sequences without padding."""
        return ragged(self.inputs, self.lengths)

    @property
    def known(self) -> Tensor:
        """The targets (..., if numbers values) of all sequences, in whatever order of dimensions.

        Where they are kept without padding: (steps, ...), one sequence after the other.
        """
        return flat(self.targets)

    @property
    def answered(self) -> Tensor:
        """Whether each sequence (sequences,) has a target, at a step at least."""
        known = self.known
        there = ~known.isnan() if known.is_floating_point() else known != IGNORED
        there = there.flatten(1).any(1) if there.ndim > 1 else there
        if not isinstance(self.targets, Ragged):
            return there
        steps = there.cpu().float()
        return torch.segment_reduce(steps, "max", lengths=self.targets.lengths) > 0

    def to(self, device: torch.device) -> Split:
        """Return the split with all that training needs, but for `lengths`, on `device`."""
        drivers = {name: values.to(device) for name, values in self.drivers.items()}
        inputs = self.inputs
        inputs = inputs.to(device) if isinstance(inputs, Ragged) else moved(inputs, device)
        return replace(self, inputs=inputs, targets=self.targets.to(device), drivers=drivers)


@dataclass(frozen=True)
class Batch(Split):
    """Sequences as a model takes them: padded to one length."""

    inputs: Tensor
    targets: Tensor

    def pieces(self, steps: int) -> Iterator[Batch]:
        """Give the sequences in pieces of `steps` steps, the last one shorter; 0: whole.

        Only where every step has a target and all sequences are of one length.
        """
        if not steps:
            yield self
            return
        parts = (torch.split(whole, steps, 1) for whole in (self.inputs, self.targets))
        for inputs, targets in zip(*parts, strict=True):
            yield Batch(inputs, targets)
