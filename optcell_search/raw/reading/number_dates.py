"""Plain numbers read as dates: 20240131, 240131, 31012024, 2024031, 202405, 20241 or 31.1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

_YEARS = (1900, 2100)
# Years of two digits are of this century below, of the last one from here on.
_LAST_CENTURY = 70
_OF_YEAR = (366, 12)  # days, months
_DAY_MONTH = re.compile(r"([1-9]|[12]\d|3[01])\.([1-9]|1[0-2])")


def readings(whole: Rows) -> Iterator[Rows]:
    """Give whole numbers from 1 on as each kind of dates that all of them may be.

    Dates are counted in their own unit, so that neighbours are 1 apart; days that are the same of
    each month, or the last one, are counted as months besides.
    """
    first = np.ones_like(whole)
    yield from _dates(_years(whole // 10_000), whole // 100 % 100, whole % 100)  # 20240131, 240131
    yield from _dates(_years(whole // 100), whole % 100, first)  # 202401, 2401
    yield from year_last(whole)
    yield from year_last(whole, digits=2)
    years, days = _years(whole // 1000), whole % 1000
    if years is not None and _within(days, 1, 366):
        yield _days(years, first, days)  # 2024031, 24031
    years, weeks = _years(whole // 100), whole % 100
    if years is not None and _within(weeks, 1, 53):
        # The first is the one of the 4th of January; 1970 began on a Thursday.
        yield (_days(years, first, 4 * first) + 3) // 7 + weeks  # 202405, 2405
    years, parts = whole // 10, whole % 10
    for most in (4, 2):
        if _within(years, *_YEARS) and _within(parts, 1, most):
            yield most * years + parts  # 20241
    for digits in (2, 4, 6):
        yield from _seconds(whole, digits)  # 2024013113, 202401311359, 20240131135959


def year_last(whole: Rows, digits: int = 4) -> Iterator[Rows]:
    """Give whole numbers as days, or months, that end with a year of so many digits.

    They are 31012024 or 310124, the day first, and 1312024 or 13124, the month first.
    """
    head, years = np.divmod(whole, 10**digits)
    if digits == 2 or _within(years, *_YEARS):
        yield from _dates(_years(years), head % 100, head // 100)
        yield from _dates(_years(years), head // 100, head % 100)


def day_months(
    numbers: npt.NDArray[np.float64], texts: Sequence[str]
) -> Iterator[tuple[Rows, int]]:
    """Give numbers as 31.1, a day and its month, as days of a year of 366, or months of 12.

    Args:
        numbers: (rows,), those of float32, too, whose 31.1 is 31.100000381.
        texts: as they are written; none: nobody knows, and 1.1 may be in October.
    """
    if numbers.min() < 1 or numbers.max() > 32:
        return
    rounded = np.round(numbers, 2)
    typed = not texts and np.allclose(numbers, rounded, rtol=1e-6, atol=0)
    if typed:
        texts = [f"{number:g}" for number in rounded.tolist()]
    found = [_DAY_MONTH.fullmatch(text) for text in texts]
    days, months = (np.array([int(m[place]) for m in found if m], np.int64) for place in (1, 2))
    if not len(days) or len(days) < len(numbers):
        return
    leap = np.full_like(days, 2000)
    yield from zip(_dates(leap, months, days), _OF_YEAR, strict=False)
    if typed and (months == 1).any():
        months = np.where(months == 1, 10, months)
        yield from zip(_dates(leap, months, days), _OF_YEAR, strict=False)


def _years(given: Rows) -> Rows | None:
    """Return years of two digits or four in full, None where one is neither."""
    if _within(given, 0, 99):
        return np.where(given < _LAST_CENTURY, 2000 + given, 1900 + given)
    return given if _within(given, *_YEARS) else None


def _within(given: Rows, low: int, high: int) -> bool:
    return bool(given.min() >= low and given.max() <= high)


def _first(years: Rows, months: Rows | int) -> npt.NDArray[np.datetime64]:
    """Return the months as numpy has them."""
    return (12 * (years - 1970) + months - 1).astype("datetime64[M]")


def _days(years: Rows, months: Rows | int, days: Rows | int) -> Rows:
    """Return the days since 1970, counted on from the first of a month however many they are."""
    return _first(years, months).astype("datetime64[D]").astype(np.int64) + days - 1


def _dates(years: Rows | None, months: Rows, days: Rows) -> Iterator[Rows]:
    """Give the days since 1970, and the months if they are the same day of each or its last one.

    Nothing is given where one is no date.
    """
    if years is None or not (_within(months, 1, 12) and _within(days, 1, 31)):
        return
    found, left = _days(years, months, days), _days(years, months + 1, 1) - 1
    if (found > left).any():
        return
    yield found
    if len(np.unique(days)) == 1 or (found == left).all():
        yield 12 * years + months


def _seconds(whole: Rows, digits: int) -> Iterator[Rows]:
    """Give the seconds since 1970 of dates as 20240131 with so many digits of a time of day."""
    dates, clock = np.divmod(whole, 10**digits)
    if not _within(dates // 10_000, *_YEARS):
        return
    clock = clock * 10 ** (6 - digits)
    hours, minutes, seconds = clock // 10_000, clock // 100 % 100, clock % 100
    if hours.max() <= 23 and minutes.max() <= 59 and seconds.max() <= 59:
        for days in _dates(dates // 10_000, dates // 100 % 100, dates % 100):
            yield 86_400 * days + 3600 * hours + 60 * minutes + seconds
            return
