"""What the order of a file says of its times, where they may be meant otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .columns import row, shown
from .time_forms import read_clock
from .times import Moments, are_numbers, unwrapped

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.int64]

_DAY_MONTH = re.compile(r"([1-9]|[12]\d|3[01])\.([1-9]|1[0-2])")


def refuse_doubts(
    moments: Moments, parts: Sequence[Rows], column: pd.Series[Any], where: str
) -> None:
    """Refuse times that are out of order in the file as read, and in order as something else.

    Those are times of day that go past midnight, or past noon on a clock of 12 hours, and days
    with months that look like numbers. Sorted, what follows would come first.

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
        (_past_month(moments, inner, column), "in the month after", "dates such as 2024-11-30"),
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


def _past_month(
    moments: Moments, parts: Sequence[Rows], column: pd.Series[Any]
) -> tuple[int, int] | None:
    """Return two rows between which numbers, as 29.2 and 1.3, go past the end of a month."""
    if moments.dtype.kind != "f" or not are_numbers(column):
        return None
    found = [_DAY_MONTH.fullmatch(unwrapped(cell)) for cell in column.astype(object)]
    dates = np.array([100 * int(match[2]) + int(match[1]) for match in found if match])
    if len(dates) < len(moments):
        return None
    falls: list[tuple[int, int]] = []
    for rows in parts:
        if (np.diff(dates[rows]) <= 0).any():
            return None
        back = np.flatnonzero(np.diff(moments[rows]) < 0)
        falls += zip(rows[back].tolist(), rows[back + 1].tolist(), strict=True)
    return next(iter(falls), None)


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
    if moments.dtype.kind not in "iuf" or moments.min() < 190_001 or moments.max() >= 10**14:
        return False
    if (moments % 1 != 0).any():
        return False
    whole = moments.astype(np.int64)
    # Of 8 digits, of 6, that are a month without its day, or of 10, 12 or 14, down to seconds.
    days = (_days(whole), _days(100 * whole + 1))
    below = (_seconds(*np.divmod(whole, 100**parts), parts) for parts in (1, 2, 3))
    return any(
        found is not None and _alike(np.diff(found)) > _alike(np.diff(whole))
        for found in (*days, *map(_months, days), *below)
    )


def _days(whole: Rows) -> Rows | None:
    """Return the days since 1970 of numbers as 20240131, None where one is no date."""
    years, rest = np.divmod(whole, 10_000)
    months, days = np.divmod(rest, 100)
    sound = (years >= 1900) & (years <= 2100) & (months >= 1) & (months <= 12)
    if not (sound & (days >= 1) & (days <= 31)).all():
        return None
    first = np.array(12 * (years - 1970) + months - 1, dtype="datetime64[M]")
    found: Rows = (first.astype("datetime64[D]") + (days - 1)).astype(np.int64)
    return found


def _months(days: Rows | None) -> Rows | None:
    """Return the months since 1970 of days, None where they are not the same day of each."""
    if days is None:
        return None
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    return months.astype(np.int64) if len(np.unique(dates - months)) == 1 else None


def _seconds(dates: Rows, clock: Rows, parts: int) -> Rows | None:
    """Return the seconds of dates as 20240131 and times as 13, 1359 or 135959, of so many parts."""
    days, whole = _days(dates), clock * 100 ** (3 - parts)
    hours, minutes, seconds = (whole // 100**power % 100 for power in (2, 1, 0))
    if days is None or hours.max() > 23 or minutes.max() > 59 or seconds.max() > 59:
        return None
    found: Rows = 86_400 * days + 3600 * hours + 60 * minutes + seconds
    return found


def _alike(distances: npt.NDArray[np.int64]) -> int:
    """Return how many distances are the most frequent one."""
    return int(np.unique(distances, return_counts=True)[1].max(initial=0))
