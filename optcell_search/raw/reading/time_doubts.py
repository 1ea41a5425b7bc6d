"""What the order of a file says of its times, where they may be meant otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def past_noon(
    moments: npt.NDArray[Any], parts: Sequence[npt.NDArray[np.int64]]
) -> tuple[int, int] | None:
    """Return two rows between which a clock of 12 hours without am and pm goes past noon.

    Such a clock has the hours 1 to 12 alone, and all that falls in the order of the file falls
    from 12 to 1, on one day. Rows in no order fall elsewhere, too.

    Args:
        moments: (rows,) numbers or durations.
        parts: rows of each sequence.
    """
    if moments.dtype.kind != "m":
        return None
    days, hours = np.divmod(moments // np.timedelta64(1, "h"), 24)
    if hours.min() < 1 or hours.max() > 12:
        return None
    falls: list[tuple[int, int]] = []
    for part in parts:
        rows = np.sort(part)
        back = np.flatnonzero(np.diff(moments[rows]) < np.timedelta64(0))
        falls += zip(rows[back].tolist(), rows[back + 1].tolist(), strict=True)
    if all(
        days[last] == days[first] and hours[last] == 12 and hours[first] == 1
        for last, first in falls
    ):
        return next(iter(falls), None)
    return None


def may_be_dates(moments: npt.NDArray[Any]) -> bool:
    """Return whether whole numbers may be dates, as 202401 or 20240131, for they are then regular.

    That is, more of their distances are the most frequent one in months or days than as numbers.

    Args:
        moments: (rows,) in order.
    """
    if moments.dtype.kind not in "iuf" or moments.min() < 190_001 or moments.max() > 2100_12_31:
        return False
    if (moments % 1 != 0).any():
        return False
    whole = moments.astype(np.int64)
    # Of 8 digits, or of 6, that are a month without its day.
    for days in (whole, 100 * whole + 1):
        years, rest = np.divmod(days, 10_000)
        months, days_of = np.divmod(rest, 100)
        sound = (years >= 1900) & (years <= 2100) & (months >= 1) & (months <= 12)
        if (sound & (days_of >= 1) & (days_of <= 31)).all():
            first = np.array(12 * (years - 1970) + months - 1, dtype="datetime64[M]")
            # From one first of a month to the next it is a month, however many days.
            monthly = (days_of == days_of[0]).all()
            dated = first if monthly else first.astype("datetime64[D]") + (days_of - 1)
            return _alike(np.diff(dated.astype(np.int64))) > _alike(np.diff(whole))
    return False


def _alike(distances: npt.NDArray[np.int64]) -> int:
    """Return how many distances are the most frequent one."""
    return int(np.unique(distances, return_counts=True)[1].max(initial=0))
