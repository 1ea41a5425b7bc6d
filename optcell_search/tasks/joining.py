"""Training and validation data as one split."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.raw.ragged import Ragged, Stored, flat, ragged
from optcell_search.tasks.base import Split
from optcell_search.tasks.goals import IGNORED
from optcell_search.tasks.loaded import LoadedTask


def whole_task(task: LoadedTask) -> LoadedTask:
    """Return a task that trains on training and validation data together.

    Its validation split is the task's own, a part of what it trains on: no score to judge by.

    Raises:
        ValueError: they cannot be trained on together; see `check_whole`.
    """
    check_whole(task)
    whole = _prolonged if task.chunk else joined
    return task.split_anew(whole(task.train, task.validation), task.validation)


def check_whole(task: LoadedTask) -> None:
    """Raise a ValueError where training and validation data cannot be trained on together."""
    counts = len(task.train), len(task.validation)
    if task.chunk and counts[0] != counts[1]:
        raise ValueError(
            f"task {task.spec!r}: validation goes on in {counts[1]} streams where training has "
            f"{counts[0]}, so they cannot be trained on together; valid: no refit"
        )


def _prolonged(first: Split, second: Split) -> Split:
    """Return streams that go on with those of the second split, each with its own."""
    inputs, targets = (
        torch.cat([flat(getattr(split, name)) for split in (first, second)], 1)
        for name in ("inputs", "targets")
    )
    return Split(inputs, targets)


def joined(first: Split, second: Split) -> Split:
    """Return the sequences of both splits, one after the other, padded to the longest.

    If one of them is kept without padding, both are.
    """
    if isinstance(first.inputs, Ragged) or isinstance(second.inputs, Ragged):
        return _joined_unpadded(first, second)
    steps = [int(split.inputs.shape[1]) for split in (first, second)]
    lengths = None
    if first.lengths is not None or second.lengths is not None or steps[0] != steps[1]:
        lengths = torch.cat(
            [
                torch.full((len(split),), count) if split.lengths is None else split.lengths
                for split, count in zip((first, second), steps, strict=True)
            ]
        )
    per_step = all(split.targets.shape[1:2] == split.inputs.shape[1:2] for split in (first, second))
    inputs, targets = (
        [flat(getattr(split, name)) for split in (first, second)] for name in ("inputs", "targets")
    )
    if per_step:
        mark = float("nan") if targets[0].is_floating_point() else IGNORED
        targets = [_padded(values, max(steps), mark) for values in targets]
    return Split(
        torch.cat([_padded(values, max(steps), 0.0) for values in inputs]),
        torch.cat(targets),
        lengths,
        {name: torch.cat([first.drivers[name], second.drivers[name]]) for name in first.drivers},
        both(first.groups, second.groups),
        both(first.last_season, second.last_season),
    )


def _joined_unpadded(first: Split, second: Split) -> Split:
    inputs = [split.unpadded() for split in (first, second)]
    lengths = torch.cat([part.lengths for part in inputs])
    targets: Stored
    if any(isinstance(split.targets, Ragged) for split in (first, second)):
        mark = float("nan") if first.known.is_floating_point() else IGNORED
        each = [ragged(split.targets, split.lengths, mark).values for split in (first, second)]
        targets = Ragged(torch.cat(each), lengths, mark)
    else:
        targets = torch.cat([split.known for split in (first, second)])
    values = Ragged(torch.cat([part.values for part in inputs]), lengths)
    past = both(first.last_season, second.last_season)
    return Split(
        values, targets, lengths, groups=both(first.groups, second.groups), last_season=past
    )


def both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Return what two splits hold, one after the other; None where they do not."""
    return None if first is None or second is None else torch.cat([first, second])


def _padded(values: Tensor, steps: int, mark: float) -> Tensor:
    """Pad (sequences, time, ...) behind its last step."""
    behind = [0] * (2 * (values.ndim - 2)) + [0, steps - values.shape[1]]
    return functional.pad(values, behind, value=mark) if behind[-1] else values
