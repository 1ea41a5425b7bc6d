"""Steps that a series lacks: found, and filled where that is asked for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .columns import Floats, listed, row
from .time_doubts import refuse_dates, refuse_doubts
from .times import DayFirst, Moments, apart, are_numbers
from .times import moments as read

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["keep", "refuse", "forward", "interpolate"]
Source = npt.NDArray[np.int64]

_DAY = 86_400 * 10**6  # µs
_MONTH = 365.2425 / 12  # days, on the whole
# Several steps of months are so many days from as many means at most.
_OFF = 3
# Distances are the same that differ by no more of a step.
_SAME = 1e-6
# An inserted step needs memory, and a series with one row in hundreds is one of events, or its
# times are in thousandths of the step's unit: of two rows 1,000 steps apart 999 are lacking.
_MOST_INSERTED = 499


def rounding(moments: Moments) -> float:
    """Return how much distances of times are off by, because float64 holds no decimals."""
    if moments.dtype.kind != "f":
        return 0.0
    return 2 * float(np.finfo(np.float64).eps * np.abs(moments).max())


def most_frequent(distances: npt.NDArray[Any], off: float = 0.0) -> float:
    """Return the most frequent distance between neighbours, the smallest of several; 0: none.

    Distances that are the same but for what they are `off` by `rounding`, as those of 0.1, 0.2 and
    0.3 are, count together.
    """
    found, counts = np.unique(distances, return_counts=True)
    if not len(found):
        return 0.0
    alike = np.cumsum(np.diff(found, prepend=found[0]) > _SAME * found + off)
    most = alike == np.bincount(alike, counts).argmax()
    return float(found[most][counts[most].argmax()])


def check_single(moments: Moments, order: Source, names: Any, where: str) -> None:
    """Refuse two rows of one time.

    Args:
        moments: (rows,) in the order of the file.
        order: numbers of the rows, sorted by time.
        names: the times as written, for the message.
    """
    same = np.flatnonzero(apart(moments[order]) == 0)
    if len(same):
        first, second = sorted((int(order[same[0]]), int(order[same[0] + 1])))
        raise ValueError(
            f"{where}: {names.iloc[first]} stands in more than one row, {row(first)} and "
            f"{row(second)}; valid: one row a time"
        )


def in_time(
    frame: pd.DataFrame,
    time: str,
    day_first: DayFirst,
    gaps: Gaps,
    step: float,
    where: str,
) -> tuple[Source, float]:
    """Return the rows in order of time, −1 for a missing one, and the usual step of time.

    Raises:
        ValueError: a time is missing, double or unclear, or a step is missing and shall not be.
    """
    if not time:
        return np.arange(len(frame), dtype=np.int64), 0.0
    if time not in frame.columns:
        raise ValueError(
            f"{where}: there is no column {time!r} for time; valid: {listed(list(frame.columns))}"
        )
    if frame.empty:
        return np.empty(0, dtype=np.int64), step
    column, where = frame[time], f"{where}: column {time!r}"
    moments = read(column, where, day_first)
    order = np.argsort(moments, kind="stable").astype(np.int64)
    refuse_doubts(moments, [order], column, where)
    check_single(moments, order, column, where)
    step = step or most_frequent(apart(moments[order]), rounding(moments))
    dates = not are_numbers(column)
    return with_gaps(moments, order, step, gaps, dates=dates, names=column, where=where), step


def with_gaps(
    moments: Moments, order: Source, step: float, gaps: Gaps, *, dates: bool, names: Any, where: str
) -> Source:
    """Return the rows in order of time, and −1 for each step between them that is missing.

    Args:
        moments: (rows,) in the order of the file.
        order: numbers of the rows, sorted by time.
        step: distance of two neighbours where nothing is missing, as `times.apart` gives it.
        gaps: "keep" inserts nothing and checks nothing, "refuse" inserts nothing.
        dates: whether moments are those of dates, so that months are known.
        names: the times as written, for messages.
        where: file and column.

    Raises:
        ValueError: a step is missing and shall not be, or the times are no multiple of a step.
    """
    if gaps == "keep" or step == 0:
        return order
    distances = apart(moments[order])
    same = _SAME + rounding(moments) / step
    usual = _usual(distances, step, same, dates=dates)
    wide = np.flatnonzero(~usual)
    if not len(wide):
        return order
    if not dates:
        refuse_dates(moments[order], names, int(order[0]), where, "gaps=keep")
    first = int(wide[0])
    place = (
        f"{where}: {names.iloc[int(order[first])]} in {row(int(order[first]))} is followed by "
        f"{names.iloc[int(order[first + 1])]}"
    )
    whole = _whole(distances, usual, step, same)
    # Steps of 28 days, say, are all alike and counted as such; months are counted by their mean.
    if dates and np.isnan(whole).any() and (months := _months(step)):
        mean = months * _MONTH * _DAY
        whole = _whole(distances, usual, mean, _OFF * _DAY / mean)
    odd = np.flatnonzero(np.isnan(whole))
    # In float64: an int64 does not hold what lies between times that differ by that much.
    lacking = float(whole.sum()) - len(whole)
    most = _MOST_INSERTED * len(order)
    if gaps == "refuse":
        # There are steps to fill if there is a whole number of them, and not too many.
        fill = "gaps=forward fills such steps, " if lacking <= most else ""
        raise ValueError(
            f"{place}: {len(wide)} distances are not the usual one; "
            f"valid: {fill}gaps=keep takes the rows as they are"
        )
    if len(odd):
        bad = int(order[int(odd[0])])
        raise ValueError(
            f"{where}: what follows {names.iloc[bad]} in {row(bad)} is no whole number of usual "
            "steps later; valid: gaps=keep"
        )
    if lacking > most:
        raise ValueError(f"{place}: {lacking:.15g} steps would have to be filled; valid: gaps=keep")
    inserted = whole.astype(np.int64) - 1
    source = np.full(len(order) + int(inserted.sum()), -1, dtype=np.int64)
    source[np.arange(len(order)) + np.concatenate(([0], np.cumsum(inserted)))] = order
    return source


def _usual(distances: Floats, step: float, same: float, *, dates: bool) -> npt.NDArray[np.bool_]:
    """Say which distances are a step, be it so many months of any length."""
    usual: npt.NDArray[np.bool_] = np.abs(distances - step) <= same * step
    if dates and (months := _months(step)):
        shortest, longest = _lengths(months)
        usual |= (distances >= shortest * _DAY) & (distances <= longest * _DAY)
    return usual


def _months(step: float) -> int:
    """Return how many months a step may be: a quarter, a year, a decade; 0: it is none."""
    months = round(step / (_MONTH * _DAY))
    if months < 1:
        return 0
    shortest, longest = _lengths(months)
    return months if shortest * _DAY <= step <= longest * _DAY else 0


@functools.cache
def _lengths(months: int) -> tuple[int, int]:
    """Return how many days so many months are at least and at most."""
    # The calendar is the same again after 400 years.
    begin = np.arange(12 * 400).astype("datetime64[M]")
    days = ((begin + months).astype("datetime64[D]") - begin.astype("datetime64[D]")).astype(int)
    return int(days.min()), int(days.max())


def _whole(
    distances: Floats, usual: npt.NDArray[np.bool_], step: float, off: float
) -> npt.NDArray[np.float64]:
    """Return how many steps each distance is, 1 where it is `usual`, NaN where not a whole number.

    It may be `off` by so much of a step.
    """
    with np.errstate(over="ignore"):
        # Of a step near 0 there are too many, however many.
        times = np.minimum(distances / step, 1e300)
    whole = np.round(times)
    fits = (np.abs(times - whole) <= off) & (whole >= 1)
    return np.where(usual, 1.0, np.where(fits, whole, np.nan))


def filled(
    values: Floats, known: npt.NDArray[np.bool_], gaps: Gaps, *, kept: Sequence[int] = ()
) -> Floats:
    """Return (rows, columns) with the rows that are not `known` forward-filled or interpolated.

    Columns that are `kept`, numbers of categories, are filled forward in any case.
    """
    if known.all():
        return values
    rows = np.arange(len(values))
    last = np.maximum.accumulate(np.where(known, rows, 0))
    forward = np.asarray(values[last])
    if gaps != "interpolate":
        return forward
    there = rows[known]
    found = np.stack([np.interp(rows, there, column[known]) for column in values.T], axis=1)
    found[:, list(kept)] = forward[:, list(kept)]
    return found
