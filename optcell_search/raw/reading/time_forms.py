"""One cell read as a time, in each of the forms that tables have.

Each reader returns nanoseconds, since 1970 or since midnight, and whether there is a time zone; or
None where the cell is not of its form.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY = 86_400 * 10**6  # µs
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:\s*([AaPp])\.?[Mm]\.?)?")
_MONTH = re.compile(r"\d{4}-\d{2}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\S.*)?")
_YEAR_FIRST = re.compile(r"(\d{4})([/-])(\d{1,2})\2(\d{1,2})(?:([Tt ]) *(.+))?")
# The end of a day, which Python reads from 3.13 on alone.
_END_OF_DAY = re.compile(r"(?<=[Tt ])24(?=(:?00){1,2}(?![\d.,:]))")
_HALF_DAY = re.compile(r"[AaPp]\.?[Mm]\.?$")
# What numpy reads by itself, and much faster.
PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?")
YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[T ]+(.*))?")
# Dates that are numbers, too: what they are called, the form, its groups by weight, such a date in
# another form. Days of two digits, as numbers do not begin with 0.
_DATED_NUMBERS = (
    ("month and year", re.compile(r"(0?[1-9]|1[0-2])\.((?:19|20)\d\d)"), (2, 1), "2024-11"),
    ("year and month", re.compile(r"(\d{4})\.([1-9]|1[0-2])"), (1, 2), "2024-11"),
    (
        "day and month",
        re.compile(r"(0[1-9]|[12]\d|3[01])\.(0[1-9]|1[0-2])"),
        (2, 1),
        "2024-11-30",
    ),
)
# Of seconds alone: behind hours or minutes a point may stand for a colon.
_FRACTION = re.compile(r"(?:(?<=:\d\d:\d\d)|(?<=[Tt ]\d{6}))[.,](\d+)")
_WORDS = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y")


def read_clock(cell: str) -> tuple[int, bool] | None:
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


def has_seconds(cell: str) -> bool | None:
    """Say whether a time of day without a date has seconds; None: it is none."""
    match = _CLOCK.fullmatch(cell)
    return None if match is None else match[3] is not None


def has_half_day(cell: str) -> bool | None:
    """Say whether am or pm stands behind a time of day; None: there is none, or hours alone."""
    return bool(_HALF_DAY.search(cell)) if ":" in cell else None


def _time_of_day(text: str) -> int | None:
    """Return the nanoseconds of a time that stands behind a date: up to 24:00, its end."""
    clock = read_clock(text)
    return clock[0] if clock is not None and clock[0] <= _DAY * 1000 else None


def read_iso(cell: str) -> tuple[int, bool] | None:
    """Read a date and time as ISO 8601 has it, with T or a blank between, or year/month/day.

    Months, days and hours may be of one digit, and hours may be those of half a day.
    """
    text = cell.removesuffix(" UTC") + "Z" * cell.endswith(" UTC")
    if match := _YEAR_FIRST.fullmatch(text):
        text, clock = f"{match[1]}-{match[3]:0>2}-{match[4]:0>2}", match[6]
        if clock and _HALF_DAY.search(clock):
            day, time = read_iso(text), _time_of_day(clock)
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
    if set(text) & set(".,"):
        # Python takes it for a fraction of a second wherever it stands.
        return None
    text, ends = _END_OF_DAY.subn("00", text)
    if ends and digits.strip("0"):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text.replace("t", "T").replace("z", "Z"))
    except ValueError:
        return None
    since, zoned = _since_epoch(moment, digits)
    return since + ends * _DAY * 1000, zoned


def _since_epoch(moment: datetime.datetime, digits: str = "") -> tuple[int, bool]:
    """Return nanoseconds since 1970, and whether the time has a zone."""
    zoned = moment.tzinfo is not None
    if not zoned:
        moment = moment.replace(tzinfo=datetime.UTC)
    since = moment - _EPOCH
    whole = (since.days * _DAY + since.seconds * 10**6 + since.microseconds) * 1000
    return whole + int(digits.ljust(9, "0") or 0), zoned


def read_words(cell: str) -> tuple[int, bool] | None:
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


def read_day(match: re.Match[str], day_first: bool) -> tuple[int, bool] | None:
    """Read what `YEAR_LAST` has matched, with the day before the month or behind it."""
    day, month = (int(match[1]), int(match[3])) if day_first else (int(match[3]), int(match[1]))
    clock = _time_of_day(match[5].strip()) if match[5] else 0
    try:
        date = datetime.datetime(int(match[4]), month, day)
    except ValueError:
        return None
    return None if clock is None else (_since_epoch(date)[0] + clock, False)


def dated_number(cells: Sequence[str]) -> tuple[str, str] | None:
    """Return what numbers may be besides, and how that is written without doubt; None: nothing.

    They may be dates where all have the form of one and are in another order as dates than as
    numbers.
    """
    for called, form, weights, valid in _DATED_NUMBERS:
        found = [form.fullmatch(cell) for cell in cells]
        if called == "day and month" and not any(cell.startswith("0") for cell in cells):
            continue
        dates = [tuple(map(int, match.group(*weights))) for match in found if match]
        if len(dates) == len(cells) and _ranks(dates) != _ranks([float(cell) for cell in cells]):
            return called, valid
    return None


def _ranks(values: Sequence[Any]) -> list[int]:
    place = {value: number for number, value in enumerate(sorted({*values}))}
    return [place[value] for value in values]


def form_of(cell: str) -> str | None:
    """Return in which form a cell is a time, None: in none."""
    if NUMBER.fullmatch(cell):
        return "number"
    match = YEAR_LAST.fullmatch(cell)
    if match and (read_day(match, True) or read_day(match, False)):
        return "year last"
    for form in (read_clock, read_iso, read_words):
        if form(cell) is not None:
            return form.__name__
    return None
