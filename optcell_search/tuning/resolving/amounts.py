"""Whole numbers, times and lists as a user writes them; nothing that trains is needed for it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Integral, Real

MOST = 10**7
_MOST_SECONDS = 10.0**9
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = r"(\d+(?:\.\d+)?)([smhd])"


def seconds_of(name: str, asked: str | float) -> float:
    """Return the seconds of a time such as ``"30m"``, ``"1h30m"``, ``"90s"`` or ``90``.

    Raises:
        ValueError: it is none, or not positive.
    """
    text = str(asked).strip().lower()
    if re.fullmatch(f"({_PART})+", text):
        seconds = sum(float(count) * _UNITS[unit] for count, unit in re.findall(_PART, text))
    else:
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
    if not 0 < seconds <= _MOST_SECONDS:
        raise ValueError(f"{name} = {asked}; valid: a time such as 90s, 30m or 1h30m, or seconds")
    return seconds


def integer(name: str, value: int, least: int, most: int = MOST) -> int:
    """Return `value` as Python's; raise a ValueError unless it is an integer within its bounds."""
    whole = is_whole(value)
    if not whole or not least <= value <= most:
        valid = f"{most} or less" if whole and value > most else f"{least} or more"
        raise ValueError(f"{name} = {value!r}; valid: integers, {valid}")
    return int(value)


def optional(name: str, value: int | None, least: int, most: int = MOST) -> int | None:
    """Return what `integer` does; None, which leaves it open, stays None."""
    return None if value is None else integer(name, value, least, most)


def real(name: str, value: float, valid: str) -> float:
    """Return `value` as Python's; raise a ValueError, which tells what is valid, if it is none."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ValueError(f"{name} = {value!r}; valid: {valid}")
    return float(value)


def is_whole(value: object) -> bool:
    """Return whether a value is an integer, Python's or NumPy's; a truth value is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def several(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return `values`; raise a ValueError where they are one text, whose letters are no values."""
    if isinstance(values, str):
        raise ValueError(f"{name} = {values!r}; valid: a list, such as [{values!r}]")
    return tuple(values)
