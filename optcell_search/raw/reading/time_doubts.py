"""What the order of a file says of its times, where they may be meant otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import number_dates
from .columns import row, shown
from .time_forms import read_clock
from .times import Moments, are_numbers, unwrapped

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.int64]

# Neighbours among dates are no farther apart, in days or in months.
_NEAR = 8
_NEIGHBOURS = (slice(-1), slice(1, None))


def refuse_doubts(
    moments: Moments, parts: Sequence[Rows], column: pd.Series[Any], where: str
) -> None:
    """Refuse times that are out of order in the file as read, and in order as something else.

    Those are times of day that go past midnight, or past noon on a clock of 12 hours, and dates
    that look like numbers, as 29.2 or 29022024. Sorted, what follows would come first.

    Args:
        moments: (rows,) what `times.moments` makes of the column.
        parts: rows of each sequence.
        column: the times as they are written.
        where: file and column, for messages.
    """
    inner = [np.sort(part) for part in parts]
    for found, meant, valid in (
        (_past_noon(moments, inner), "in the afternoon", "hours up to 24, or am and pm"),
        (_past_midnight(moments, inner, column), "the day after", "times with their dates"),
        (_other_days(moments, inner, column), "a date, not a number", "dates such as 2024-11-30"),
    ):
        if found is not None:
            last, first = found
            raise ValueError(
                f"{where}: {shown(column.iloc[last])} in {row(last)} is followed by "
                f"{shown(column.iloc[first])} in {row(first)}, which may be {meant}; "
                f"valid: {valid}"
            )


def _past_noon(moments: npt.NDArray[Any], parts: Sequence[Rows]) -> tuple[int, int] | None:
    """Return two rows between which a clock of 12 hours without am and pm goes past noon.

    Such a clock has the hours 1 to 12 alone, and all that falls in the order of the file falls
    from 12 to 1, on one day. Rows in no order fall elsewhere, too.
    """
    if moments.dtype.kind != "m":
        return None
    days, hours = np.divmod(moments // np.timedelta64(1, "h"), 24)
    if hours.min() < 1 or hours.max() > 12:
        return None
    falls: list[tuple[int, int]] = []
    for rows in parts:
        back = np.flatnonzero(np.diff(moments[rows]) < np.timedelta64(0))
        falls += zip(rows[back].tolist(), rows[back + 1].tolist(), strict=True)
    if all(
        days[last] == days[first] and hours[last] == 12 and hours[first] == 1
        for last, first in falls
    ):
        return next(iter(falls), None)
    return None


def _past_midnight(
    moments: Moments, parts: Sequence[Rows], column: pd.Series[Any]
) -> tuple[int, int] | None:
    """Return two rows between which times of day go past midnight, forwards or backwards."""
    clock = column.dtype.kind not in "iufmM" and read_clock(unwrapped(column.iloc[0]))
    # 24:00 is the end of a day, and what is beyond it a duration.
    if not clock or moments.max() > np.timedelta64(1, "D"):
        return None
    for part in parts:
        for rows in (part, part[::-1]):
            change = np.diff(moments[rows])
            back = change < np.timedelta64(0)
            if not back.any():
                break
            if (change[back] < np.timedelta64(-12, "h")).all():
                last, first = sorted(rows[back.argmax() :][:2].tolist())
                return last, first
    return None


def _other_days(
    moments: Moments, parts: Sequence[Rows], column: pd.Series[Any]
) -> tuple[int, int] | None:
    """Return two rows whose numbers are in another order than the days that they may be."""
    if moments.dtype.kind == "m" or not are_numbers(column):
        return None
    if (whole := _whole(moments)) is not None:
        # What has eight digits and ends with its year is a date, in whatever order.
        for dates in number_dates.year_last(whole):
            for part in parts:
                rows = part[np.argsort(whole[part], kind="stable")]
                back = np.flatnonzero(np.diff(dates[rows]) < 0)
                if len(back):
                    last, first = sorted(rows[back[0] :][:2].tolist())
                    return last, first
        found = [(dates, 0) for dates in number_dates.readings(whole)]
    else:
        texts = [] if column.dtype.kind == "f" else [*map(unwrapped, column)]
        found = [*number_dates.day_months(moments.astype(np.float64), texts)]
    for dates, year in found:
        for forwards in (True, False):
            ordered = [part if forwards else part[::-1] for part in parts]
            if (fall := _out_of_order(moments, dates, year, ordered)) is not None:
                return fall
    return None


def _out_of_order(
    numbers: Moments, dates: Rows, year: int, parts: Sequence[Rows]
) -> tuple[int, int] | None:
    """Return two rows between which numbers fall, where all are in order as dates.

    To be taken for dates, numbers have to fall between neighbours alone, as at the end of a month,
    or to be at more distances that are the same as dates than as numbers.

    Args:
        numbers: (rows,).
        dates: (rows,) the same as dates.
        year: how many of them make a year if the dates have none, which comes round; 0: they have.
        parts: rows of each sequence, in the order of time.
    """
    last, first = (np.concatenate([part[place] for part in parts]) for place in _NEIGHBOURS)
    later = dates[first] - dates[last]
    if year:
        later %= year
    apart = np.round((numbers[first] - numbers[last]).astype(np.float64), 6)
    falls = apart < 0
    ordered = (later >= 1).all() and (not year or (later <= year // 2).all())
    if not ordered or not falls.any():
        return None
    if (later[falls] > _NEAR).any() and _alike(later) <= _alike(apart):
        return None
    one, other = sorted((int(last[falls.argmax()]), int(first[falls.argmax()])))
    return one, other


def refuse_dates(
    moments: npt.NDArray[Any], names: Any, first: int, where: str, *otherwise: str
) -> None:
    """Refuse whole numbers that may be dates, as 202401 or 20240131: their distances mean nothing.

    They may be where more of their distances are the most frequent one as months, days or times of
    day than as numbers.

    Args:
        moments: (rows,) numbers or durations, in order.
        names: the times as written, for the message.
        first: row that the message names.
        where: file and column.
        otherwise: what is valid besides dates that are written as such.
    """
    if _may_be_dates(moments):
        valid = ", or ".join(("dates such as 2024-01-31 or 2024-01", *otherwise))
        raise ValueError(
            f"{where}: {names.iloc[first]} in {row(first)} may be year, month and day, or a "
            f"number; valid: {valid}"
        )


def _may_be_dates(moments: npt.NDArray[Any]) -> bool:
    whole = _whole(moments)
    return whole is not None and any(
        _alike(np.diff(dates)) > _alike(np.diff(whole)) for dates in number_dates.readings(whole)
    )


def _whole(moments: npt.NDArray[Any]) -> Rows | None:
    """Return numbers as dates may be written, None where one is none."""
    if moments.dtype.kind not in "iuf" or moments.min() < 1 or moments.max() >= 10**14:
        return None
    return None if (moments % 1 != 0).any() else moments.astype(np.int64)


def _alike(distances: npt.NDArray[Any]) -> int:
    """Return how many distances are the most frequent one."""
    return int(np.unique(distances, return_counts=True)[1].max(initial=0))
