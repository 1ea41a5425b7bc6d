"""What the candidate found brings over the plain cell, and how sure that is, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..ledger.format import FOLDS
from ..ledger.trials.trial_record import TrialRecord
from ..pareto import Direction
from ..space.plain import PLAIN_RULE, PLAIN_STEP
from .intervals import Interval, Moments, difference, difference_in_folds
from .ranking import best_first, by_fresh_seeds, not_cut

Source = Literal["test", "search"]
# What every candidate costs, whatever the task.
COSTS = ("parameters", "train_seconds", "latency_ms")
_NONE: Mapping[int, Sequence[float]] = {}
_BY_CHANCE = "The best of many is compared, so that a part of this may be chance"
_TO_KNOW = f"{_BY_CHANCE}; finalize both trials to know."


@dataclass(frozen=True)
class Gain:
    """The first objective of the best trial against that of the best plain cell, no larger.

    A plain cell is any cell behind gradient descent with s = 1, u = z, fixed; it has at most as
    many parameters as the best trial, and was trained for all the epochs. Where the best trial took
    a share of them, or every plain cell is larger and this is the smallest, the sentence says so.

    Attributes:
        label: of the objective.
        number, plain: the trials compared.
        cell: of the plain one.
        source: whether scores of the test split after `finalize` are compared, or validation scores
            of the search.
        gain: of the objective, positive where the candidate found does better.
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


def trainings_of(request: Mapping[str, Any]) -> int:
    """Return how often each candidate of a run was trained: the values behind a mean."""
    return int(request.get("repeats", 1)) * int(request.get("folds", 1))


def folds_of(records: Sequence[TrialRecord], objective: str) -> dict[int, Sequence[float]]:
    """Return trial → scores by fold, of those trials that have them."""
    known = ((record.number, record.known.get(FOLDS, {})) for record in records)
    return {number: folds[objective] for number, folds in known if objective in folds}


def is_trained(request: Mapping[str, Any]) -> bool:
    """Return whether a run trains its candidates; a simulated one reads them from a table."""
    return not request.get("table")


def gain(
    table: pd.DataFrame,
    finalized: pd.DataFrame,
    objectives: Mapping[str, Direction],
    trainings: int,
    *,
    trained: bool = True,
    folds: Mapping[int, Sequence[float]] = _NONE,
) -> Gain | None:
    """Return the gain over the plain cell; None where the run holds none to compare with.

    Finalized trials go before others: their test scores come from seeds nobody chose them by. Of
    these the best by fresh seeds' validation is compared, with its spread over the seeds, and else
    the best of the search, with its spread over repeats; see `intervals.difference`. Only what was
    finalized alike is compared: with or without validation data, and for epochs that follow from
    the search or the same ones that the user said. What the end of the search cut was trained for
    fewer epochs than others, and is not compared.

    Args:
        table: trials, as `frame` gives them.
        finalized: as `results.finalized` gives it.
        objectives: the objectives and their directions, the most important one first.
        trainings: how often each candidate was trained, see `trainings_of`.
        trained: whether the run did it, so that it can finalize them, see `is_trained`.
        folds: trial → scores by fold, see `folds_of`; trials that have them are compared fold by
            fold, by `intervals.difference_in_folds`.
    """
    rows = best_first(table, objectives)
    first, direction = next(iter(objectives.items()))
    tested = _tested(rows, finalized, first, direction)
    if tested is not None:
        return tested
    rows = rows[not_cut(rows)]
    if rows.empty or (plain := plain_rival(rows, int(rows["number"].iloc[0]))) is None:
        return None
    found, rival = rows.iloc[0], rows[rows["number"] == plain].iloc[0]
    doubt = _TO_KNOW if trained else f"{_BY_CHANCE}."
    one, other = (folds.get(int(row["number"]), ()) for row in (found, rival))
    if len(one) == len(other) > 1:
        less = difference_in_folds(one, other)
        trained_in = f"in the same {len(one)} folds"
    else:
        less = difference(*(_moments(row, first, trainings) for row in (found, rival)))
        trained_in = ""
    also = _also(rows, found, rival)
    return _told(found, rival, first, direction, "search", less, also, doubt, trained_in)


def plain_rival(rows: pd.DataFrame, number: int) -> int | None:
    """Return the plain cell that trial `number` is compared with, all among `rows`, best first.

    It is the first one that is no larger; where each is larger, the smallest.
    """
    plain = rows[_is_plain(rows) & _is_whole(rows)]
    if "parameters" in rows:
        sizes = plain["parameters"].astype(float)
        # One whose size nobody measured is not known to be larger.
        larger = sizes > _size(rows[rows["number"] == number].iloc[0])
        plain = plain[sizes == sizes.min()] if larger.all() else plain[~larger]
    return None if plain.empty else int(plain["number"].iloc[0])


def _size(trial: pd.Series[Any]) -> float:
    """Return the parameters of a trial; NaN, which is no larger and no smaller: not measured."""
    return float(trial.get("parameters", math.nan))


def _is_plain(rows: pd.DataFrame) -> pd.Series[bool]:
    step = f"{PLAIN_RULE}.s"
    if step not in rows:
        return pd.Series(False, index=rows.index)
    plain = (rows["rule"] == PLAIN_RULE) & np.isclose(rows[step].astype(float), PLAIN_STEP)
    if "model.learn_rule" in rows:
        plain &= rows["model.learn_rule"] != True  # noqa: E712  (missing is not true)
    return plain & _is_plain_inside(rows)


def _is_whole(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return which took all the epochs: one that took a part of them is no measure of others."""
    if "training.share" not in rows:  # runs from before have none
        return pd.Series(True, index=rows.index)
    return rows["training.share"].fillna(1.0) == 1.0


def _also(rows: pd.DataFrame, found: pd.Series[Any], rival: pd.Series[Any]) -> str:
    """Return in words what else is not alike: the share of the epochs, the size; empty: nothing."""
    return " ".join(filter(None, (_share(rows, found), _more(found, rival))))


def _share(rows: pd.DataFrame, found: pd.Series[Any]) -> str:
    mine = rows["number"] == found["number"]
    if bool(_is_whole(rows)[mine].iloc[0]):
        return ""
    part = f"trained for {100 * found['training.share']:.3g} % of the epochs"
    if bool(_is_plain(rows)[mine].iloc[0]):
        return f"It is a plain {found['cell']}, too, {part}: no rule has beaten it."
    return f"It was {part}."


def _more(found: pd.Series[Any], rival: pd.Series[Any]) -> str:
    more, size = _size(rival), _size(found)
    if not more > size:
        return ""
    sizes = f"{more:,.0f} parameters, not {size:,.0f}"
    return f"Each plain cell to compare with is larger: this one has {sizes}."


def _is_plain_inside(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows have no rule inside their cell but gd with s = 1.

    Where no trial of a cell has that, as in a space with Adam inside everywhere, the rule inside is
    the cell's own and no gain to tell.
    """
    plain = pd.Series(True, index=rows.index)
    for column in (name for name in rows if str(name).endswith(".inner")):
        cell = str(column).removesuffix(".inner")
        mine = rows["cell"] == cell
        inside = mine & (rows[column] == PLAIN_RULE)
        if (step := f"{cell}.s") in rows:
            inside &= np.isclose(rows[step].astype(float), PLAIN_STEP)
        if inside.any():
            plain &= ~mine | inside
    return plain


def _tested(
    rows: pd.DataFrame, finalized: pd.DataFrame, first: str, direction: Direction
) -> Gain | None:
    scores = finalized[finalized["metric"] == first]
    test = scores[(scores["split"] == "test") & np.isfinite(scores["mean"].astype(float))]
    # Those that say the most of the run: of as many trials, with validation data.
    alike = sorted(test.groupby(_how(test)), key=lambda kind: (-len(kind[1]), not kind[0][0]))
    for _, tested in alike:
        found = _best_tested(rows, scores, tested.set_index("number"), first, direction)
        # The plain cell alone, where a rule was tested otherwise, has beaten nothing.
        if found is not None and (found.number != found.plain or len(tested) == len(test)):
            return found
    return None


def _how(test: pd.DataFrame) -> list[pd.Series[Any]]:
    return [test["refit"], test["epochs"].where(test["given"], 0)]


def _best_tested(
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    test: pd.DataFrame,
    first: str,
    direction: Direction,
) -> Gain | None:
    known = by_fresh_seeds(rows[rows["number"].isin(test.index)], scores, first, direction)
    if known.empty or (plain := plain_rival(known, int(known["number"].iloc[0]))) is None:
        return None
    found, rival = known.iloc[0], known[known["number"] == plain].iloc[0]
    fairest = plain_rival(rows, int(found["number"]))
    if _size(rival) > _size(found) >= _size(rows[rows["number"] == fairest].iloc[0]):
        return None  # A plain cell that is no larger was not finalized.
    columns = (test[name].tolist() for name in ("mean", "std", "seeds"))
    moments = {number: Moments(*one) for number, *one in zip(test.index, *columns, strict=True)}
    less = difference(moments[found["number"]], moments[plain])
    return _told(found, rival, first, direction, "test", less, _also(known, found, rival))


def _moments(row: pd.Series[Any], first: str, trainings: int) -> Moments:
    spread = row.get(f"{first}_std")
    deviation = 0.0 if spread is None or pd.isna(spread) else float(spread)
    return Moments(float(row[first]), deviation, trainings)


def _told(
    found: pd.Series[Any],
    rival: pd.Series[Any],
    first: str,
    direction: Direction,
    source: Source,
    less: Interval,
    also: str,
    doubt: str = "",
    trained_in: str = "",
) -> Gain:
    better = less if direction == "maximize" else less.negative
    name = first.replace("_", " ")
    label = name if first in COSTS else f"{'test' if source == 'test' else 'validation'} {name}"
    number, plain, cell = int(found["number"]), int(rival["number"]), str(rival["cell"])
    told = label if direction == "maximize" else f"{label} (+ is lower, which is better)"
    sentence = _sentence(number, plain, cell, told, better, doubt, trained_in)
    sentence = f"{sentence} {also}".rstrip()
    return Gain(label, number, plain, cell, source, better, better.excludes_zero, sentence)


def _sentence(
    number: int, plain: int, cell: str, label: str, better: Interval, doubt: str, trained_in: str
) -> str:
    if number == plain:
        return f"The plain {cell} (trial {plain}) is the best so far: no rule has beaten it."
    against = f"over the plain {cell} (trial {plain})"
    size = f"{better.mean:+.3g}"
    verb = "gains" if better.mean > 0 else "loses"
    same = f"No difference seen between trial {number} and the plain {cell} (trial {plain}) in"
    trainings = trained_in or f"{better.amount} trainings of each"
    if better.low is None or better.high is None:
        few = "one training of each" if better.amount < 2 else f"{trainings}, all alike"
        once = f"{'' if trained_in else 'from '}{few}: how sure that is, is not known."
        if better.mean == 0:
            return f"{same} {label}, {once}"
        return f"Trial {number} {verb} {size} in {label} {against}, {once} {doubt}".rstrip()
    ends = f"95 % interval {better.low:+.3g} to {better.high:+.3g}, {trainings}"
    if not better.excludes_zero:
        return f"{same} {label}: {size}, {ends}. {doubt}".rstrip()
    return f"Trial {number} {verb} {size} in {label} {against}: {ends}. {doubt}".rstrip()
