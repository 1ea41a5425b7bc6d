"""What is worth knowing of a task's data without keeping it: a fingerprint, what outputs mean."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optcell_search import registry
from optcell_search.raw.ragged import flat
from optcell_search.tasks.base import Data, Readout, Split, Task
from optcell_search.tasks.goals import (
    IGNORED,
    Classification,
    Forecasting,
    Goal,
    Regression,
)

_PIECE = 2**24  # values
# So many of the answers that are most wrong are told of.
_WORST = 6
# What a table of trials, or the ledger, calls something else; no metric is called so.
TAKEN = {
    "number", "state", "reason", "key", "seed", "repeat", "duplicate_of", "feasible", "cell",
    "rule", "epoch", "epochs", "started", "seconds", "worker", "tags", "note", "loss",
    "parameters", "train_seconds", "latency_ms",
}  # fmt: skip


def diagnosis(
    goal: Goal, rows: Tensor, classes: tuple[str, ...], readout: Readout
) -> dict[str, Any]:
    """Return what a whole split's tally tells beyond the metrics, as plain data.

    Confusion of classes has ``classes`` and ``matrix``, where a row is a class and its columns the
    answers; with one answer a sequence, ``worst``, too, see `goals.Classification.worst`.

    Args:
        goal: of the task.
        rows: the goal's tally of the split.
        classes: their names.
        readout: whether there is one answer a sequence ("last").
    """
    found = goal.diagnose(rows, classes)
    if isinstance(goal, Classification) and readout == "last":
        found["worst"] = goal.worst(rows, classes, _WORST)
    return found


def fingerprint(data: Data) -> str:
    """Return the SHA-256 (hex) of all that a search sees: values, shapes and types of its splits.

    Where numbers are predicted on a scale of their own, that belongs to it: the loss depends on it.
    """
    digest = hashlib.sha256()
    for split in (data.train, data.validation, data.pretraining):
        if split is None:
            continue
        for tensor in _tensors(split):
            if tensor is None:
                digest.update(b"none;")
                continue
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)};".encode())
            # In pieces: windows over a series are views, which would grow to their full size.
            rows = max(1, _PIECE // max(1, tensor[:1].numel()))
            for piece in torch.split(tensor, rows):
                digest.update(piece.cpu().contiguous().numpy().data)
    goal = data.goal
    if isinstance(goal, Regression) and (set(goal.offset), set(goal.scale)) != ({0.0}, {1.0}):
        digest.update(f"{goal.offset}{goal.scale};".encode())
    return digest.hexdigest()


def _tensors(split: Split) -> list[Tensor | None]:
    drivers = [values for _, values in sorted(split.drivers.items())]
    groups = [] if split.groups is None else [split.groups]
    # Without padding it is the values and the lengths that tell.
    return [flat(split.inputs), flat(split.targets), split.lengths, *drivers, *groups]


def beginning(data: Data, train: int, validation: int) -> Data:
    """Return the data with no more than the first sequences of either split."""

    def first(split: Split, count: int) -> Split:
        return split.part(torch.arange(min(count, len(split))))

    before = None if data.pretraining is None else first(data.pretraining, train)
    few = divided(data, first(data.train, train), first(data.validation, validation))
    return dataclasses.replace(few, pretraining=before)


def divided(data: Data, train: Split, validation: Split, *, same: bool = False) -> Data:
    """Return the data with other splits.

    Args:
        data: what the task gave.
        train, validation: the splits.
        same: whether that is the validation split of the data. Of another one the `chance` that the
            task has told is not known.
    """
    chance = data.chance if same else dict.fromkeys(data.chance, math.nan)
    return dataclasses.replace(data, train=train, validation=validation, chance=chance)


def require(data: Data, spec: str, penalties: Iterable[str], *, pretraining: bool) -> None:
    """Raise ValueError where the data of a task lack what terms of the loss need.

    Args:
        data: what the task gave.
        spec: the task, for messages.
        penalties: names.
        pretraining: whether training begins with pre-training.
    """
    for name in penalties:
        needs = registry.penalties.get(name).needs
        if missing := sorted(set(needs) - set(data.train.drivers)):
            raise ValueError(
                f"task {spec!r} cannot be judged by penalty {name!r}: "
                f"it has no driver {', '.join(missing)}"
            )
    if pretraining and data.pretraining is None:
        raise ValueError(f"task {spec!r} has no data to pre-train on; valid: pretrain_epochs = 0")


def balanced(targets: Tensor, classes: int) -> Tensor:
    """Return weights (classes,) n / (classes · n_c) of the targets; 0 for a class without any."""
    counts = torch.bincount(targets[targets != IGNORED], minlength=classes).to(torch.float64)
    weights = counts.sum() / (classes * counts)
    return torch.where(counts > 0, weights, 0.0).to(torch.float32)


def chance(data: Data) -> dict[str, float]:
    """Return the metrics on the validation split of answering without looking at any input."""
    return dict(data.chance) or chance_on(data, data.validation)


def chance_on(data: Data, split: Split) -> dict[str, float]:
    """Return the metrics on a split of answering what the training targets say, whatever is asked.

    Of a forecast that is the last season. Empty where it is not known, or the task itself has told
    what it comes to on the validation split.
    """
    outputs = None if data.chance else _unasked(data, split)
    if outputs is None:
        return {}
    targets = split.known
    scores = data.goal.finish(data.goal.tally(outputs, targets))
    return {name: scores[name] for name in data.goal.metrics}


def _unasked(data: Data, split: Split) -> Tensor | None:
    """Return the outputs of answering a split's sequences without looking at their inputs."""
    targets = split.known
    if isinstance(data.goal, Forecasting):
        past = split.last_season
        return None if past is None else data.goal.seasonal_naive(past).to(targets.device)
    constant = data.goal.constant(data.train.known)
    if constant is None:
        return None
    leading = targets.shape[: targets.ndim - targets.is_floating_point()]
    return constant.to(targets.device).expand(*leading, len(constant))


def read(task: Task, folder: Path) -> Data:
    """Read what the search may see.

    Raises:
        ValueError: see `checked`.
    """
    return checked(task, task.search_data(folder))


def checked(task: Task, data: Data) -> Data:
    """Return what a task gave.

    Raises:
        ValueError: no step of a split has a target, or all of the training split have the same; or
            a metric has a name that a table of trials has for something else.
    """
    taken = [name for name in data.goal.metrics if name in TAKEN or "." in name]
    if taken:
        raise ValueError(
            f"{task.spec}: a metric is called {taken[0]!r}, which in a table of trials is "
            "something else; valid: another name, without a point"
        )
    for name in ("train", "validation"):
        if not getattr(data, name).answered.any():
            raise ValueError(f"{task.spec}: no step of the {name} split has a target")
    if (same := _only_target(data)) is not None:
        raise ValueError(
            f"{task.spec}: every target of the training split is {same}, so there is nothing to "
            "learn; valid: targets that differ"
        )
    return data


def _only_target(data: Data) -> str | None:
    """Return what all training targets are, value by value; None where any of them changes."""
    targets = data.train.known
    if not targets.is_floating_point():
        found = torch.bincount(targets[targets != IGNORED].flatten()).nonzero().flatten()
        if len(found) > 1:
            return None
        return repr(data.classes[int(found)]) if data.classes else str(int(found))
    rows = targets.reshape(-1, targets.shape[-1])
    # What was seen once has had no occasion to change.
    known = rows[:, (~rows.isnan()).sum(0) > 1]
    if not known.shape[1]:
        return None
    low = known.nan_to_num(torch.inf).amin(0)
    high = known.nan_to_num(-torch.inf).amax(0)
    return ", ".join(f"{value:g}" for value in low.tolist()) if bool((low == high).all()) else None


def test_of(task: Task, folder: Path, features: int, given: Split | None) -> Split:
    """Return the test split, read now where none is given.

    Raises:
        ValueError: there is none, it has not as many features a step as the training split, or no
            target.
    """
    if not task.has_test:
        raise ValueError(f"task {task.spec!r} holds no test split back; valid: test=split")
    test = task.test_data(folder) if given is None else given
    if test.inputs.shape[-1] != features:
        raise ValueError(
            f"test split of {task.spec!r} has {test.inputs.shape[-1]} features, "
            f"its training split {features}"
        )
    if not test.answered.any():
        raise ValueError(
            f"{task.spec}: no step of the test split has a target; valid: a test split with targets"
            + ", or test=none" * hasattr(task, "test")
        )
    return test
