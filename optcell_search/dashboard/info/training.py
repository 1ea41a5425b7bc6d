"""Learning curves, where trials were stopped, and why others failed, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .. import words
from ..read.source import Curve
from .data import Data

_COSTS = {"parameters", "latency_ms", "train_seconds"}
# Metrics worth a curve beside the objectives, in the order in which they are offered.
_WORTH = ("loss", "train_loss", "gradient_first", "gradient_last")


@dataclass(frozen=True)
class Curves:
    """Learning curves.

    Attributes:
        metrics, labels: what there are curves of; the first one is shown first.
        numbers: the trials, in order.
        epochs: of each trial.
        values: metric → trial → one value an epoch.
    """

    metrics: tuple[str, ...]
    labels: tuple[str, ...]
    numbers: tuple[int, ...]
    epochs: tuple[tuple[int, ...], ...]
    values: dict[str, tuple[tuple[float, ...], ...]]


def learning_curves(data: Data, curves: Mapping[int, Curve], metrics: int = 4) -> Curves:
    """Return learning curves of what changes while training.

    Args:
        data: the run.
        curves: of its trials.
        metrics: how many metrics to return at most.
    """
    names = _learned(data, curves)[:metrics]
    numbers = sorted(curves)
    nothing = [float("nan")]
    return Curves(
        metrics=tuple(names),
        labels=tuple(words.axis(name) for name in names),
        numbers=tuple(numbers),
        epochs=tuple(curves[number].epochs for number in numbers),
        values={
            name: tuple(
                tuple(curves[n].columns.get(name, nothing * len(curves[n].epochs))) for n in numbers
            )
            for name in names
        },
    )


def _learned(data: Data, curves: Mapping[int, Curve]) -> list[str]:
    there = {name for curve in curves.values() for name in curve.columns}
    offered = [*(name for name in data.objectives if name not in _COSTS), *_WORTH]
    return [name for name in dict.fromkeys(offered) if name in there]


def sampled(data: Data, numbers: Iterable[int], most: int) -> list[int]:
    """Return the front and an even sample of at most so many others, of trials by number."""
    every = set(numbers)
    front = [number for number in data.front if number in every]
    others = sorted(every - set(front))
    step = max(1, -(-len(others) // most))
    return sorted([*front, *others[::step]])


@dataclass(frozen=True)
class Rung:
    """An epoch after which trials were stopped early.

    Attributes:
        epoch: the last one that those stopped here trained.
        reached: trials that trained so far, but for those that ended early for another reason.
        stopped: of these, those pruned here.
    """

    epoch: int
    reached: int
    stopped: int


def rungs(data: Data) -> tuple[Rung, ...]:
    """Return the epochs at which trials were pruned, the earliest first."""
    epochs = data.table["epochs"].to_numpy()
    where, counts = np.unique(epochs[data.fell_behind], return_counts=True)
    epochs = epochs[~data.ended_early]
    return tuple(
        Rung(int(epoch), int((epochs >= epoch).sum()), int(count))
        for epoch, count in zip(where, counts, strict=True)
    )


@dataclass(frozen=True)
class Failure:
    """Trials that failed for the same reason."""

    reason: str
    numbers: tuple[int, ...]


def failures(data: Data) -> tuple[Failure, ...]:
    """Return the failed trials by reason, the most frequent one first."""
    failed = data.table[data.table["state"] == "FAIL"]
    by_reason = failed.groupby(failed["reason"].fillna("unknown"), sort=True)["number"]
    found = [Failure(str(reason), tuple(int(n) for n in group)) for reason, group in by_reason]
    return tuple(sorted(found, key=lambda failure: -len(failure.numbers)))
