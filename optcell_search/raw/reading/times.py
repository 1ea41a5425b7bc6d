"""Times as they are written, brought into one order; never sorted as texts."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .columns import missing, row, shown

if TYPE_CHECKING:
    import pandas as pd

Moments = npt.NDArray[np.int64] | npt.NDArray[np.float64]
DayFirst = Literal["auto", "yes", "no"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY = 86_400 * 10**6
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:\s*([AaPp])\.?[Mm]\.?)?")
_MONTH = re.compile(r"\d{4}-\d{2}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\S.*)?")
_YEAR_FIRST = re.compile(r"(\d{4})([/-])(\d{1,2})\2(\d{1,2})(?:([Tt ]) *(.+))?")
_HALF_DAY = re.compile(r"[AaPp]\.?[Mm]\.?$")
# What numpy reads by itself, and much faster.
_PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?")
_YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[T ]+(.*))?")
_FRACTION = re.compile(r"[.,](\d+)")
_WORDS = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y")
_VALID = (
    "numbers, 2020-01-31, 2020-01-31T13:00+01:00, 31/1/2020 13:00, 31 Jan 2020 or 9:00, "
    "all rows in one way"
)


def moments(column: pd.Series[Any], where: str, day_first: DayFirst = "auto") -> Moments:
    """Return (rows,) numbers that are in order where the times are.

    Numbers stay what they are, dates and times of day become microseconds (nanoseconds where some
    are written so finely), a time with a zone counts in UTC.

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
    if column.dtype.kind in "mM" or hasattr(column.dtype, "tz"):
        return _typed(column)
    cells = [_unwrapped(cell) for cell in column.astype(object)]
    return _parsed(cells, where, day_first)


def _unwrapped(cell: Any) -> Any:
    """Return a cell of an Excel sheet or an object column as a text in ISO's form."""
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return cell.strip() if isinstance(cell, str) else str(cell)


def _numbers(values: npt.NDArray[Any], where: str) -> Moments:
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{where} holds {values.max()}; valid: numbers below 2^63")
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if not np.isfinite(values).all():
        raise ValueError(f"{where} holds a time that is no finite number; valid: {_VALID}")
    return values.astype(np.float64)


def _typed(column: pd.Series[Any]) -> Moments:
    if hasattr(column.dtype, "tz") and column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    values = column.to_numpy()
    if np.datetime_data(values.dtype)[0] != "ns":
        return values.astype(f"{values.dtype.kind}8[us]").astype(np.int64)
    fine = values.astype(np.int64)
    return fine if (fine % 1000).any() else fine // 1000


def settled(column: pd.Series[Any], day_first: DayFirst) -> DayFirst:
    """Return what ``auto`` stands for in a column that `moments` has read."""
    if day_first != "auto" or missing(column).all():
        return day_first
    cells = column.astype(object)
    found = [_YEAR_LAST.fullmatch(cell.strip()) for cell in cells if isinstance(cell, str)]
    if not found or found[0] is None:
        return day_first
    return "yes" if any(match and int(match[1]) > 12 for match in found) else "no"


def are_numbers(column: pd.Series[Any]) -> bool:
    """Say whether times are plain numbers, whose unit nobody knows."""
    if column.dtype.kind in "iuf":
        return True
    return all(isinstance(cell, str) and _NUMBER.fullmatch(cell.strip()) for cell in column)


def are_times(texts: list[str]) -> bool:
    """Say whether texts are all dates or times of day, be it that nobody knows which."""
    forms = (_clock, _iso, _words, _YEAR_LAST.fullmatch)
    return any(all(form(text) is not None for text in texts) for form in forms)


def _parsed(cells: list[str], where: str, day_first: DayFirst) -> Moments:
    if all(map(_NUMBER.fullmatch, cells)):
        if all(cell.lstrip("+-").isdigit() for cell in cells):
            whole = [int(cell) for cell in cells]
            if any(abs(value) >= 2**63 for value in whole):
                worst = next(i for i, value in enumerate(whole) if abs(value) >= 2**63)
                raise ValueError(
                    f"{where}: {row(worst)} holds {cells[worst]}; valid: numbers below 2^63"
                )
            return np.array(whole, dtype=np.int64)
        return _numbers(np.array([float(cell) for cell in cells]), where)
    if all(map(_PLAIN.fullmatch, cells)):
        try:
            return np.array(cells, dtype="datetime64[us]").astype(np.int64)
        except ValueError:
            # A day that no month has: found below, with its row.
            pass
    for form in (_clock, _iso, _words):
        read = [form(cell) for cell in cells]
        if read[0] is not None:
            return _in_one_way(read, cells, where)
    if _YEAR_LAST.fullmatch(cells[0]):
        return _in_one_way(_year_last(cells, where, day_first), cells, where)
    raise ValueError(f"{where}: {row(0)} holds {shown(cells[0])}; valid: {_VALID}")


def _in_one_way(read: list[tuple[int, bool] | None], cells: list[str], where: str) -> Moments:
    """Return nanoseconds as the finest unit that all fit, times with and without zone apart."""
    first = read[0]
    found: list[int] = []
    for number, moment in enumerate(read):
        if moment is None:
            raise ValueError(
                f"{where}: {row(number)} holds {shown(cells[number])}, which is not written like "
                f"{shown(cells[0])} in {row(0)}; valid: {_VALID}"
            )
        if first is not None and moment[1] != first[1]:
            raise ValueError(
                f"{where}: {row(number)} holds {shown(cells[number])}, and {row(0)} "
                f"{shown(cells[0])}: one has a time zone, the other none; valid: all or none"
            )
        found.append(moment[0])
    unit = 1 if any(moment % 1000 for moment in found) else 1000
    if unit == 1 and any(abs(moment) >= 2**63 for moment in found):
        raise ValueError(f"{where}: nanoseconds reach from 1677 to 2262 only")
    return np.array([moment // unit for moment in found], dtype=np.int64)


def _clock(cell: str) -> tuple[int, bool] | None:
    """Read 9:00, 13:30:05.25, 9:00 PM, or a duration such as 100:30."""
    match = _CLOCK.fullmatch(cell)
    if not match:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.group(1, 2, 3))
    half = (match[5] or "").lower()
    if minutes > 59 or seconds > 59 or (half and not 1 <= hours <= 12):
        return None
    if half:
        hours = hours % 12 + 12 * (half == "p")
    fraction = int((match[4] or "0").ljust(9, "0")[:9])
    return ((hours * 60 + minutes) * 60 + seconds) * 10**9 + fraction, False


def _time_of_day(text: str) -> int | None:
    """Return the nanoseconds of a time that stands behind a date: up to 24:00, its end."""
    clock = _clock(text)
    return clock[0] if clock is not None and clock[0] <= _DAY * 1000 else None


def _iso(cell: str) -> tuple[int, bool] | None:
    """Read a date and time as ISO 8601 has it, with T or a blank between, or year/month/day.

    Months, days and hours may be of one digit, and hours may be those of half a day.
    """
    text = cell.removesuffix(" UTC") + "Z" * cell.endswith(" UTC")
    if match := _YEAR_FIRST.fullmatch(text):
        text, clock = f"{match[1]}-{match[3]:0>2}-{match[4]:0>2}", match[6]
        if clock and _HALF_DAY.search(clock):
            day, time = _iso(text), _time_of_day(clock)
            return None if day is None or time is None else (day[0] + time, False)
        if clock:
            text += match[5] + ("0" if re.match(r"\d:", clock) else "") + clock
    if _MONTH.fullmatch(text):
        text += "-01"
    if not _ISO.fullmatch(text):
        return None
    fraction = _FRACTION.search(text)
    digits = fraction[1] if fraction else ""
    if len(digits) > 9:
        return None
    text = _FRACTION.sub("", text, count=1)
    try:
        moment = datetime.datetime.fromisoformat(text.replace("t", "T").replace("z", "Z"))
    except ValueError:
        return None
    return _since_epoch(moment, digits)


def _since_epoch(moment: datetime.datetime, digits: str = "") -> tuple[int, bool]:
    """Return nanoseconds since 1970, and whether the time has a zone."""
    zoned = moment.tzinfo is not None
    if not zoned:
        moment = moment.replace(tzinfo=datetime.UTC)
    since = moment - _EPOCH
    whole = (since.days * _DAY + since.seconds * 10**6 + since.microseconds) * 1000
    return whole + int(digits.ljust(9, "0") or 0), zoned


def _words(cell: str) -> tuple[int, bool] | None:
    """Read a date with the English name of its month, a time of day behind it or not."""
    if not any(sign.isalpha() for sign in cell):
        return None
    head, clock = cell, None
    if ":" in cell:
        match = re.fullmatch(r"(.*?\d)[T ]+(\d{1,2}:\S.*)", cell)
        if not match:
            return None
        head, clock = match[1].rstrip(","), _time_of_day(match[2])
        if clock is None:
            return None
    for form in _WORDS:
        try:
            day = datetime.datetime.strptime(head, form)
        except ValueError:
            continue
        return _since_epoch(day)[0] + (clock or 0), False
    return None


def _year_last(cells: list[str], where: str, day_first: DayFirst) -> list[tuple[int, bool] | None]:
    """Read 31/1/2020 or 1/31/2020; which of both, all rows together have to say."""
    found = [_YEAR_LAST.fullmatch(cell) for cell in cells]
    if day_first == "auto":
        first = [i for i, match in enumerate(found) if match and int(match[1]) > 12]
        second = [i for i, match in enumerate(found) if match and int(match[3]) > 12]
        if first and second:
            raise ValueError(
                f"{where}: {row(first[0])} holds {shown(cells[first[0]])} and {row(second[0])} "
                f"{shown(cells[second[0]])}: day first and month first; valid: one of both"
            )
        if not first and not second:
            raise ValueError(
                f"{where}: {shown(cells[0])} may be a day and a month or a month and a day; "
                "valid: day_first=yes or day_first=no"
            )
        day_first = "yes" if first else "no"
    return [_day(match, day_first == "yes") if match else None for match in found]


def _day(match: re.Match[str], day_first: bool) -> tuple[int, bool] | None:
    day, month = (int(match[1]), int(match[3])) if day_first else (int(match[3]), int(match[1]))
    clock = _time_of_day(match[5].strip()) if match[5] else 0
    try:
        date = datetime.datetime(int(match[4]), month, day)
    except ValueError:
        return None
    return None if clock is None else (_since_epoch(date)[0] + clock, False)
