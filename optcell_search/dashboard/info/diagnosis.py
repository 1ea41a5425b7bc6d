"""What kinds of mistakes finalized candidates make on the test split, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .data import Data
from .finals import final_rows

# More points than this in a cloud nobody tells apart.
_MOST_POINTS = 2000
# What a forecast calls the value one step ahead.
_NEXT = "+1"


@dataclass(frozen=True)
class ClassScore:
    """How one class is told: shares between 0 and 1, None where there is nothing to share."""

    name: str
    amount: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Wrong:
    """A sequence of the test split that one seed tells wrong.

    Attributes:
        index: of the sequence in the split.
        true, predicted: names of classes.
        probability, true_probability: that the two were given.
        values: the sequence, one list a feature, thinned; empty where it cannot be drawn.
    """

    index: int
    true: str
    predicted: str
    probability: float
    true_probability: float
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Confusion:
    """Which class is taken for which.

    Attributes:
        number: of the trial.
        classes: their names.
        matrix: how many of each true class (rows) were taken for each class (columns).
        scores: one a class.
        worst: sequences of which the truth was thought the least likely, of the best seed; the
            worst first, and none where it was not noted.
    """

    number: int
    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    scores: tuple[ClassScore, ...]
    worst: tuple[Wrong, ...]


@dataclass(frozen=True)
class Residuals:
    """How far the answers are off.

    Attributes:
        number: of the trial.
        name: what is predicted.
        target, predicted: pairs of values, an even sample of them where there are many.
        mean, deviation: of predicted - target, over all pairs; a single one has no deviation.
        ahead: of a forecast, which of its pairs look one step ahead, in the order of time; else
            empty.
    """

    number: int
    name: str
    target: tuple[float, ...]
    predicted: tuple[float, ...]
    mean: float
    deviation: float | None
    ahead: tuple[int, ...]


def confusions(data: Data) -> tuple[Confusion, ...]:
    """Return the confusion of each finalized trial that has one in its record."""
    return tuple(
        _confusion(number, found)
        for number, found in _best_first(data)
        if found.get("kind") == "confusion"
    )


def residuals(data: Data) -> tuple[Residuals, ...]:
    """Return the residuals of each finalized trial that has some in its record."""
    return tuple(
        _residuals(number, found)
        for number, found in _best_first(data)
        if found.get("kind") == "residuals"
    )


def _best_first(data: Data) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the diagnoses in the order of the test scores above them."""
    places = {row.number: place for place, row in enumerate(final_rows(data))}
    found = data.diagnoses.items()
    return sorted(found, key=lambda one: (places.get(one[0], len(places)), one[0]))


def _confusion(number: int, found: Mapping[str, Any]) -> Confusion:
    matrix = np.array(found["matrix"], dtype=np.int64)
    classes = tuple(str(name) for name in found["classes"])
    rows = tuple(tuple(int(amount) for amount in row) for row in matrix)
    worst = tuple(_wrong(one) for one in found.get("worst", ()))
    return Confusion(number, classes, rows, tuple(_scores(classes, matrix)), worst)


def _wrong(one: Mapping[str, Any]) -> Wrong:
    return Wrong(
        index=int(one["index"]),
        true=str(one["true"]),
        predicted=str(one["predicted"]),
        probability=float(one["probability"]),
        true_probability=float(one["true_probability"]),
        values=tuple(tuple(float(value) for value in line) for line in one["values"]),
    )


def _scores(
    classes: Sequence[str], matrix: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> list[ClassScore]:
    right, true, told = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        ClassScore(
            name,
            int(true[i]),
            precision=_share(right[i], told[i]),
            recall=_share(right[i], true[i]),
            f1=_share(2 * right[i], true[i] + told[i]),
        )
        for i, name in enumerate(classes)
    ]


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _residuals(number: int, found: Mapping[str, Any]) -> Residuals:
    target = np.asarray(found["target"], dtype=np.float64)
    predicted = np.asarray(found["predicted"], dtype=np.float64)
    step = max(1, -(-len(target) // _MOST_POINTS))
    off = predicted - target
    return Residuals(
        number=number,
        name=str(found.get("name", "target")),
        target=tuple(target[::step].tolist()),
        predicted=tuple(predicted[::step].tolist()),
        mean=float(off.mean()) if len(off) else 0.0,
        deviation=float(off.std(ddof=1)) if len(off) > 1 else None,
        ahead=_ahead(found, range(0, len(target), step)),
    )


def _ahead(found: Mapping[str, Any], kept: range) -> tuple[int, ...]:
    names, values = found.get("names", ()), found.get("value", ())
    if not names or names[0] != _NEXT:
        return ()
    return tuple(i for i, pair in enumerate(kept) if values[pair] == 0)
