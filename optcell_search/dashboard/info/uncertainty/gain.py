"""What the rule found brings over the plain cell, and how sure that is, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ... import words
from ..data import Data, records
from .intervals import Interval, Moments, difference

PLAIN = "gd"
Source = Literal["test", "search"]
_BY_CHANCE = (
    "The best of many is compared, so that a part of this may be chance; finalize both trials to "
    "know."
)


@dataclass(frozen=True)
class Gain:
    """The first objective of the best trial against that of the best plain cell of its kind.

    The plain cell is the same cell behind gradient descent with s = 1, u = z.

    Attributes:
        label: of the objective.
        number, plain: the trials compared.
        cell: of both.
        source: whether scores of the test split after `finalize` are compared, or validation scores
            of the search.
        gain: of the objective, positive where the rule does better.
        seen: whether the interval of the gain is known and 0 lies outside.
        sentence: all this in words.
    """

    label: str
    number: int
    plain: int
    cell: str
    source: Source
    gain: Interval
    seen: bool
    sentence: str


def gain(data: Data) -> Gain | None:
    """Return the gain over the plain cell; None where the run holds no plain cell to compare with.

    Finalized trials go before others: their test scores come from seeds nobody chose them by.
    """
    return _tested(data) or _searched(data)


def _is_plain(rows: pd.DataFrame) -> pd.Series[bool]:
    step = f"{PLAIN}.s"
    if step not in rows:
        return pd.Series(False, index=rows.index)
    return (rows["rule"] == PLAIN) & np.isclose(rows[step].astype(float), 1.0)


def _tested(data: Data) -> Gain | None:
    """Compare the finalized trials: the best by fresh seeds' validation, then by its test score."""
    scores = data.finalized[data.finalized["metric"] == data.first]
    ascending = data.objectives[data.first] == "minimize"
    validation = scores[scores["split"] == "validation"].sort_values("mean", ascending=ascending)
    test = {int(row["number"]): row for row in records(scores[scores["split"] == "test"])}
    order = [int(n) for n in validation["number"] if int(n) in test]
    rows = data.table[data.table["number"].isin(order)]
    plain = set(rows.loc[_is_plain(rows), "number"])
    cells = dict(zip(rows["number"], rows["cell"], strict=True))
    for number in order[:1]:
        twin = next((n for n in order if n in plain and cells[n] == cells[number]), None)
        if twin is None:
            return None
        a, b = (
            Moments(float(test[n]["mean"]), float(test[n]["std"]), int(test[n]["seeds"]))
            for n in (number, twin)
        )
        return _told(data, number, twin, str(cells[number]), "test", (a, b))
    return None


def _searched(data: Data) -> Gain | None:
    """Compare the best trials of the search, with the spread over their repeats or folds."""
    ranked = data.best_first
    if ranked.empty:
        return None
    best = records(ranked.iloc[:1])[0]
    plain = ranked[_is_plain(ranked) & (ranked["cell"] == best["cell"])]
    if plain.empty:
        return None
    twin = records(plain.iloc[:1])[0]
    moments = _moments(data, best), _moments(data, twin)
    return _told(data, best["number"], twin["number"], str(best["cell"]), "search", moments)


def _moments(data: Data, row: dict[str, Any]) -> Moments:
    spread: Any = row.get(f"{data.first}_std")
    deviation = 0.0 if words.is_missing(spread) else float(spread)
    return Moments(float(row[data.first]), deviation, data.trainings)


def _told(
    data: Data, number: int, plain: int, cell: str, source: Source, both: tuple[Moments, Moments]
) -> Gain:
    better = difference(*both)
    if data.objectives[data.first] == "minimize":
        better = difference(both[1], both[0])
    metric = words.plain_metric(data.first)
    label = f"test {metric}" if source == "test" else words.axis(data.first)
    sentence = _sentence(int(number), int(plain), cell, source, label, better)
    return Gain(
        label, int(number), int(plain), cell, source, better, better.excludes_zero, sentence
    )


def _sentence(
    number: int, plain: int, cell: str, source: Source, label: str, better: Interval
) -> str:
    if number == plain:
        return f"The plain {cell} (trial {plain}) is the best so far: no rule has beaten it."
    against = f"over the plain {cell} (trial {plain})"
    size = f"{better.mean:+.3g}"
    trainings = f"{better.amount} trainings of each"
    if better.low is None or better.high is None:
        return (
            f"Trial {number} gains {size} in {label} {against}, from one training of each: how "
            f"sure that is, is not known. {_BY_CHANCE}"
        )
    ends = f"95 % interval {better.low:+.3g} to {better.high:+.3g}, {trainings}"
    doubt = "" if source == "test" else f" {_BY_CHANCE}"
    if not better.excludes_zero:
        return (
            f"No difference seen between trial {number} and the plain {cell} (trial {plain}) in "
            f"{label}: {size}, {ends}.{doubt}"
        )
    verb = "gains" if better.mean > 0 else "loses"
    return f"Trial {number} {verb} {size} in {label} {against}: {ends}.{doubt}"
