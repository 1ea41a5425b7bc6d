"""Whole numbers and times as a user writes them; nothing that trains is needed for it."""

from __future__ import annotations

import math
import re

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
    """Return `value`; raise a ValueError unless it lies within its bounds."""
    if not least <= value <= most:
        valid = f"{least} or more" if value < least else f"{most} or less"
        raise ValueError(f"{name} = {value}; valid: integers, {valid}")
    return value
