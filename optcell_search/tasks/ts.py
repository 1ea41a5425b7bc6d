"""Reading `.ts` files, the text format of the UCR and UEA archives.

    # comment
    @problemName GunPoint
    @classLabel true 1 2
    @data
    1.0,2.0,3.0:0.5,0.5,0.5:1        channels apart by colons, the class at the end

Format: https://github.com/aeon-toolkit/aeon, developer guide, "TS file format".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Series (steps, channels), each with the name of its class."""

    series: list[Series]
    labels: list[str]


def read_ts(path: Path) -> Labelled:
    """Read a `.ts` file of labelled series of one or more channels, of any lengths.

    Raises:
        ValueError: the file cannot be used; the message names file, line and reason.
    """
    series: list[Series] = []
    labels: list[str] = []
    classes: list[str] | None = None
    in_data = False
    try:
        # With or without the mark that some editors put in front.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file, hence no .ts file") from None
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        where = f"{path}, line {number}"
        if not text or text.startswith("#"):
            continue
        if in_data:
            values, label = _case(text, where)
            if classes and label not in classes:
                raise ValueError(f"{where}: class {label!r}, valid: {', '.join(classes)}")
            if series and values.shape[1] != series[0].shape[1]:
                raise ValueError(
                    f"{where}: {values.shape[1]} channels, {series[0].shape[1]} in the case before"
                )
            series.append(values)
            labels.append(label)
            continue
        key, *rest = text.split()
        if key.lower() == "@data":
            if classes is None:
                raise ValueError(
                    f"{path}: no @classLabel true … before @data: nothing to tell apart"
                )
            in_data = True
        elif key.lower() == "@timestamps" and [w.lower() for w in rest] == ["true"]:
            raise ValueError(f"{where}: time stamps are not supported; valid: @timeStamps false")
        elif key.lower() == "@classlabel" and rest and rest[0].lower() == "true":
            classes = rest[1:]
        elif not key.startswith("@"):
            raise ValueError(f"{where}: {text[:40]!r} is neither a comment nor a @tag")
    if not series:
        raise ValueError(f"{path}: no cases behind @data")
    return Labelled(series, labels)


def _case(text: str, where: str) -> tuple[Series, str]:
    *channels, label = text.split(":")
    if not channels:
        raise ValueError(f"{where}: no class at the end of the case")
    rows = [_numbers(channel, where) for channel in channels]
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError(f"{where}: channels of different or no length; valid: one length a case")
    return np.stack(rows, axis=1), label.strip()


def _numbers(channel: str, where: str) -> Series:
    if "?" in channel or "nan" in channel.lower():
        raise ValueError(f"{where}: missing values; fill them in, for example by interpolation")
    try:
        values = np.array([float(part) for part in channel.split(",")])
    except ValueError:
        raise ValueError(f"{where}: {channel[:40]!r} are not numbers apart by commas") from None
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32)).all()
    if not finite:
        raise ValueError(f"{where}: a value that is infinite or beyond float32")
    return values
