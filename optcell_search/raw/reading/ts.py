"""Reading `.ts` files, the text format of the UCR and UEA archives.

    # comment
    @problemName GunPoint
    @classLabel true 1 2             or, for numbers: @targetLabel true
    @data
    1.0,2.0,3.0:0.5,?,0.5:1          channels apart by colons, ? where a value is missing, the
                                     class or number at the end
    (0,1.0),(2,2.0):(0,5.0),(2,1.0):1    with @timeStamps true: a time before each value

Format: https://github.com/aeon-toolkit/aeon, developer guide, "TS file format".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import times
from .columns import is_number

Values = npt.NDArray[np.float64]

_OUTSIDE = re.compile(r":(?![^(]*\))")
_STAMPED = re.compile(r"\(\s*([^(),]+?)\s*,\s*([^(),]+?)\s*\)")


@dataclass(frozen=True)
class Series:
    """Series (steps, channels), NaN where a value is missing, each with what the file says of it.

    Args:
        values: one array for each series.
        labels: class of each, or its number as written; empty: the file has neither.
        numeric: whether the labels are numbers to be predicted.
        where: the file.
    """

    values: list[Values]
    labels: list[str]
    numeric: bool = False
    where: str = "series"

    def take(self, index: npt.NDArray[np.int64]) -> Series:
        """Return the series with these numbers."""
        labels = [self.labels[i] for i in index] if self.labels else []
        return Series([self.values[i] for i in index], labels, self.numeric, self.where)


@dataclass
class _Head:
    """What the lines before ``@data`` say."""

    classes: list[str] | None = None
    numeric: bool = False
    labelled: bool = False
    stamped: bool = False


def read_ts(path: Path) -> Series:
    """Read a `.ts` file of series of one or more channels, of any lengths.

    Raises:
        ValueError: the file cannot be used; the message names file, line and reason.
    """
    try:
        # With or without the mark that some editors put in front.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file, hence no .ts file") from None
    head, start = _head(lines, path)
    values: list[Values] = []
    labels: list[str] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        text, where = line.strip(), f"{path}, line {number}"
        if not text or text.startswith("#"):
            continue
        series, label = _case(text, head, where)
        if values and series.shape[1] != values[0].shape[1]:
            raise ValueError(
                f"{where}: {series.shape[1]} channels, {values[0].shape[1]} in the case before"
            )
        values.append(series)
        labels += [label] if label is not None else []
    if not values:
        raise ValueError(f"{path}: no cases behind @data")
    return Series(values, labels, head.numeric, str(path))


def _head(lines: list[str], path: Path) -> tuple[_Head, int]:
    """Return what the tags say, and the number of the first line behind them."""
    head = _Head()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, *rest = text.split()
        on = bool(rest) and rest[0].lower() == "true"
        if key.lower() == "@data":
            return head, number
        if key.lower() == "@timestamps":
            head.stamped = on
        elif key.lower() == "@classlabel":
            head.classes, head.labelled = (rest[1:], True) if on else (None, head.labelled)
        elif key.lower() == "@targetlabel":
            head.numeric, head.labelled = on, on or head.labelled
        elif not key.startswith("@"):
            raise ValueError(
                f"{path}, line {number}: {text[:40]!r} is neither a comment nor a @tag"
            )
    raise ValueError(f"{path}: no cases behind @data")


def _case(text: str, head: _Head, where: str) -> tuple[Values, str | None]:
    if head.stamped:
        return _stamped_case(text, head, where)
    channels = text.split(":")
    label = channels.pop().strip() if head.labelled else None
    if not channels:
        raise ValueError(f"{where}: no class at the end of the case")
    # Without a class to be read, the class is no number.
    valid = (
        "" if head.labelled else ", or @classLabel true before @data, for there is no @classLabel"
    )
    rows = [_numbers(channel, where, valid) for channel in channels]
    return _together(rows, where), _checked(label, head, where)


def _stamped_case(text: str, head: _Head, where: str) -> tuple[Values, str | None]:
    """Read a case with times, which must be equally far apart."""
    # A time of day has colons of its own, within brackets.
    channels = _OUTSIDE.split(text)
    label = channels.pop().strip() if head.labelled else None
    import pandas as pd

    rows, stamps = [], []
    for channel in channels:
        pairs = _STAMPED.findall(channel)
        if not pairs or _STAMPED.sub("", channel).strip(", "):
            raise ValueError(f"{where}: {channel[:40]!r} are not pairs (time,value)")
        stamps.append([time for time, _ in pairs])
        rows.append(_numbers(",".join(value for _, value in pairs), where))
    values = _together(rows, where)
    if not channels or any(each != stamps[0] for each in stamps):
        raise ValueError(f"{where}: channels of different times; valid: the same times for all")
    moments = times.moments(pd.Series(stamps[0], dtype=object), f"{where}, time")
    distances = times.apart(moments)
    if len(distances) and not (distances[0] > 0 and np.allclose(distances, distances[0])):
        raise ValueError(
            f"{where}: times are not equally far apart, each later than the one before"
        )
    return values, _checked(label, head, where)


def _together(rows: list[Values], where: str) -> Values:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError(f"{where}: channels of different or no length; valid: one length a case")
    values = np.stack(rows, axis=1)
    there = ~np.isnan(values).all(1)
    if not there.any():
        raise ValueError(f"{where}: missing values only")
    # Series of unequal lengths are filled up with missing values in some sets.
    return values[: int(np.flatnonzero(there)[-1]) + 1]


def _checked(label: str | None, head: _Head, where: str) -> str | None:
    if label is None:
        return None
    if head.numeric:
        if not np.isfinite(_number(label, where)):
            raise ValueError(f"{where}: the number to be predicted, {label!r}, is missing")
    elif label in ("", "?"):
        raise ValueError(f"{where}: no class at the end of the case")
    elif head.classes and label not in head.classes:
        raise ValueError(f"{where}: class {label!r}, valid: {', '.join(head.classes)}")
    return label


def _numbers(channel: str, where: str, valid: str = "") -> Values:
    values = np.array([_number(part, where, valid) for part in channel.split(",")])
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32)) | np.isnan(values)
    if not finite.all():
        raise ValueError(f"{where}: a value that is infinite or beyond float32")
    return values


def _number(text: str, where: str, valid: str = "") -> float:
    text = text.strip()
    if text in ("?", "NaN", "nan"):
        return float("nan")
    if not is_number(text):
        raise ValueError(
            f"{where}: {text[:40]!r} is no number; valid: numbers apart by commas{valid}"
        )
    return float(text)
