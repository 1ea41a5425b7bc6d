"""Times as they are written, brought into one order; never sorted as texts."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .columns import Floats, missing, odd_one, row, shown
from .time_forms import (
    NUMBER,
    PLAIN,
    YEAR_LAST,
    dated_number,
    form_of,
    has_half_day,
    has_seconds,
    read_clock,
    read_day,
    read_iso,
    read_words,
)

if TYPE_CHECKING:
    import pandas as pd

# Of dates and times of day with their unit, so that two of different units cannot be mixed up.
Moments = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.timedelta64]
DayFirst = Literal["auto", "yes", "no"]

_VALID = (
    "numbers, 2020-01-31, 2020-01-31T13:00+01:00, 31/1/2020 13:00, 31 Jan 2020 or 9:00, "
    "all rows in one way"
)


def moments(column: pd.Series[Any], where: str, day_first: DayFirst = "auto") -> Moments:
    """Return (rows,) numbers or durations that are in order where the times are.

    Numbers stay what they are, dates and times of day become durations since 1970 or midnight, in
    microseconds (nanoseconds where some are written so finely); a time with a zone counts in UTC.

    Args:
        column: the times.
        where: file and column, for messages.
        day_first: whether 3/4/2020 is in April; "auto": as the other rows leave no doubt.

    Raises:
        ValueError: a time is missing, is written unlike the others, or may be two different ones.
    """
    empty = missing(column)
    if empty.any():
        first = int(np.flatnonzero(empty)[0])
        raise ValueError(
            f"{where} lacks the time of {int(empty.sum())} rows, the first is {row(first)}; "
            "fill them or drop the rows"
        )
    if column.dtype.kind in "iuf":
        return _numbers(column.to_numpy(), where)
    # Those of pyarrow come as objects, one by one.
    numpys = isinstance(column.dtype, np.dtype) and column.dtype.kind in "mM"
    if numpys or hasattr(column.dtype, "tz"):
        return _typed(column)
    cells = [unwrapped(cell) for cell in column.astype(object)]
    return _parsed(cells, where, day_first)


def unwrapped(cell: Any) -> Any:
    """Return a cell of an Excel sheet or an object column as a text in ISO's form."""
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return cell.strip() if isinstance(cell, str) else str(cell)


def _numbers(values: npt.NDArray[Any], where: str) -> Moments:
    if values.dtype.kind == "u" and (large := values > np.iinfo(np.int64).max).any():
        first = int(large.argmax())
        raise ValueError(f"{where}: {row(first)} holds {values[first]}; valid: numbers below 2^63")
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if not (fine := np.isfinite(values)).all():
        first = int(fine.argmin())
        raise ValueError(
            f"{where}: {row(first)} holds {values[first]}, no finite number; valid: {_VALID}"
        )
    return values.astype(np.float64)


def _typed(column: pd.Series[Any]) -> Moments:
    if hasattr(column.dtype, "tz") and column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    values = column.to_numpy()
    if np.datetime_data(values.dtype)[0] != "ns":
        return values.astype(f"{values.dtype.kind}8[us]").view("m8[us]")
    fine = values.astype(np.int64)
    return fine.view("m8[ns]") if (fine % 1000).any() else (fine // 1000).view("m8[us]")


def apart(sorted_moments: Moments) -> Floats:
    """Return (rows − 1,) distances of neighbours, in microseconds where they are of dates."""
    found = np.diff(sorted_moments)
    if found.dtype.kind == "m":
        return np.asarray(found / np.timedelta64(1, "us"))
    return found.astype(np.float64)


def settled(column: pd.Series[Any], day_first: DayFirst) -> DayFirst:
    """Return what ``auto`` stands for in a column that `moments` has read."""
    if day_first != "auto" or missing(column).all():
        return day_first
    cells = column.astype(object)
    found = [YEAR_LAST.fullmatch(cell.strip()) for cell in cells if isinstance(cell, str)]
    if not found or found[0] is None:
        return day_first
    return "yes" if any(match and int(match[1]) > 12 for match in found) else "no"


def are_numbers(column: pd.Series[Any]) -> bool:
    """Say whether times are plain numbers, whose unit nobody knows."""
    if column.dtype.kind in "iuf":
        return True
    return all(isinstance(cell, str) and NUMBER.fullmatch(cell.strip()) for cell in column)


def are_times(texts: list[str]) -> bool:
    """Say whether texts are all dates or times of day, be it that nobody knows which."""
    forms = (read_clock, read_iso, read_words, YEAR_LAST.fullmatch)
    return any(all(form(text) is not None for text in texts) for form in forms)


def _parsed(cells: list[str], where: str, day_first: DayFirst) -> Moments:
    if all(map(NUMBER.fullmatch, cells)):
        if all(cell.lstrip("+-").isdigit() for cell in cells):
            whole = [int(cell) for cell in cells]
            if any(abs(value) >= 2**63 for value in whole):
                worst = next(i for i, value in enumerate(whole) if abs(value) >= 2**63)
                raise ValueError(
                    f"{where}: {row(worst)} holds {cells[worst]}; valid: numbers below 2^63"
                )
            return np.array(whole, dtype=np.int64)
        if (doubt := dated_number(cells)) is not None:
            raise ValueError(
                f"{where}: {shown(cells[0])} may be {doubt[0]} or a number, which are in different "
                f"orders; valid: {doubt[1]}, or numbers with more decimals, as {cells[0]}00"
            )
        return _numbers(np.array([float(cell) for cell in cells]), where)
    if all(map(PLAIN.fullmatch, cells)):
        try:
            return np.array(cells, dtype="datetime64[us]").view("m8[us]")
        except ValueError:
            # A day that no month has: found below, with its row.
            pass
    for form in (read_clock, read_iso, read_words):
        read = [form(cell) for cell in cells]
        if read[0] is not None:
            return _in_one_way(read, cells, where)
    if YEAR_LAST.fullmatch(cells[0]):
        return _in_one_way(_year_last(cells, where, day_first), cells, where)
    raise _unlike(cells, where)


def _unlike(cells: list[str], where: str) -> ValueError:
    """Return an error that names the first cell that is no time, or else the first unlike most."""
    forms = [form_of(cell) for cell in cells]
    odd = forms.index(None) if None in forms else odd_one(forms)
    like = next((i for i, form in enumerate(forms) if form not in (None, forms[odd])), None)
    said = f"{where}: {row(odd)} holds {shown(cells[odd])}"
    if like is not None:
        said += f", which is not written like {shown(cells[like])} in {row(like)}"
    return ValueError(f"{said}; valid: {_VALID}")


def _in_one_way(read: Sequence[tuple[int, bool] | None], cells: list[str], where: str) -> Moments:
    """Return durations in the unit that all fit, where all have the same parts."""
    moments = [moment for moment in read if moment is not None]
    if len(moments) < len(read):
        raise _unlike(cells, where)
    parts: dict[str, Sequence[bool | None]] = {
        "a time zone": [zoned for _, zoned in moments],
        # Without them 59:50 is of hours and minutes, beside 1:00:10 of minutes and seconds.
        "seconds": [has_seconds(cell) for cell in cells],
        "am or pm": [has_half_day(cell) for cell in cells],
    }
    for part, there in parts.items():
        if len({*there} - {None}) > 1:
            odd = odd_one(there)
            like = there.index(not there[odd])
            raise ValueError(
                f"{where}: {row(odd)} holds {shown(cells[odd])}, and {row(like)} "
                f"{shown(cells[like])}: one has {part}, the other none; valid: all or none"
            )
    found = [moment for moment, _ in moments]
    unit = 1 if any(moment % 1000 for moment in found) else 1000
    if unit == 1 and (far := [abs(moment) >= 2**63 for moment in found]) and any(far):
        raise ValueError(
            f"{where}: {row(far.index(True))} holds {shown(cells[far.index(True)])}; nanoseconds "
            "reach from 1677 to 2262 only"
        )
    whole = np.array([moment // unit for moment in found], dtype=np.int64)
    return whole.view("m8[ns]" if unit == 1 else "m8[us]")


def _year_last(cells: list[str], where: str, day_first: DayFirst) -> list[tuple[int, bool] | None]:
    """Read 31/1/2020 or 1/31/2020; which of both, all rows together have to say."""
    found = [YEAR_LAST.fullmatch(cell) for cell in cells]
    if day_first == "auto":
        parts = [(int(match[1]), int(match[3])) if match else (0, 0) for match in found]
        first = [i for i, (one, two) in enumerate(parts) if one > 12 >= two]
        second = [i for i, (one, two) in enumerate(parts) if two > 12 >= one]
        if first and second:
            raise ValueError(
                f"{where}: {row(first[0])} holds {shown(cells[first[0]])} and {row(second[0])} "
                f"{shown(cells[second[0]])}: day first and month first; valid: one of both"
            )
        if not first and not second:
            if None in map(form_of, cells):
                raise _unlike(cells, where)
            raise ValueError(
                f"{where}: {shown(cells[0])} may be a day and a month or a month and a day; "
                "valid: day_first=yes or day_first=no"
            )
        day_first = "yes" if first else "no"
    read = [read_day(match, day_first == "yes") if match else None for match in found]
    for number, match in enumerate(found):
        if match and read[number] is None and read_day(match, day_first != "yes"):
            raise ValueError(
                f"{where}: {row(number)} holds {shown(cells[number])}, which is no date with "
                f"day_first={day_first}"
            )
    return read
