"""What a column of a table holds, judged from the whole of it and never from a piece.

A cell of a CSV file is the text that stands there, so that an identifier or a label keeps its form:
007 and 7 are two. Only an empty cell is missing; NA, None and null are texts like any other.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Content = Literal["empty", "truth values", "whole numbers", "numbers", "texts", "times", "mixed"]

# Whole numbers up to here are numbers of float64.
_EXACT = 2**53
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_TRUTH = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}
_NUMBERS = (int, float, decimal.Decimal, np.number)
_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64)


def row(index: int) -> str:
    """Return how messages call a row: counted from 1, below the names of the columns."""
    return f"row {index + 1}"


def shown(value: object) -> str:
    """Return a value as a message shows it, cut where it is long."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def named(name: object) -> str:
    """Return a name as a message of one line shows it: as it is, if it can be printed."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def listed(names: Sequence[object], most: int = 20) -> str:
    """Return the first names, as messages show them, and how many there are."""
    shown = ", ".join(map(named, names[:most]))
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"


def odd_one(kinds: Sequence[object]) -> int:
    """Return the first place of another kind than most are, so that a message names the odd one.

    Args:
        kinds: of two kinds or more; None: of none, which is passed over. Where two kinds are as
            frequent, what comes first is the usual one.
    """
    usual = Counter(kind for kind in kinds if kind is not None).most_common(1)[0][0]
    return next(i for i, kind in enumerate(kinds) if kind is not None and kind != usual)


def missing(column: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Return (rows,): where a cell is empty."""
    return column.isna().to_numpy(dtype=bool)


def content(column: pd.Series[Any], where: str) -> Content:
    """Return what all cells of a column are.

    Args:
        column: as `files.read` gives it, or of a frame of the user's own.
        where: file and column, for the message.

    Raises:
        ValueError: a cell holds neither a number nor a text, a truth value or a time.
    """
    kind = column.dtype.kind
    if missing(column).all():
        return "empty"
    if kind in "bui":
        return "truth values" if kind == "b" else "whole numbers"
    if kind == "f":
        return "numbers"
    if kind in "Mm" or hasattr(column.dtype, "tz"):
        return "times"
    return _content_of_objects(column, where)


def _kind(cell: object) -> Content | None:
    """Return what a cell is that is not empty; None: nothing that a table may hold."""
    if isinstance(cell, str):
        return "texts"
    if isinstance(cell, bool | np.bool_):
        return "truth values"
    if isinstance(cell, _TIMES):
        return "times"
    if isinstance(cell, _NUMBERS):
        return "whole numbers" if isinstance(cell, int | np.integer) else "numbers"
    return None


def odd_cell(column: pd.Series[Any]) -> int:
    """Return the first row whose cell is of another kind than most, in a column of several."""
    gone = missing(column)
    kinds = [None if no else _kind(c) for c, no in zip(column.astype(object), gone, strict=True)]
    return odd_one(["numbers" if kind == "whole numbers" else kind for kind in kinds])


def odd_text(column: pd.Series[Any]) -> int | None:
    """Return the first row of texts that is no number among numbers, or one among what is none.

    None: all are numbers, or none is.
    """
    found = [None if text is None else is_number(text) for text in texts(column)]
    return odd_one(found) if True in found and False in found else None


def is_number(text: str) -> bool:
    """Return whether a text is a number as tables write them, and not nan, infinity or 1_000."""
    return _DECIMAL.fullmatch(text) is not None


def _content_of_objects(column: pd.Series[Any], where: str) -> Content:
    found: set[Content] = set()
    cells = column.astype(object).to_numpy()
    for number in np.flatnonzero(~missing(column)):
        kind = _kind(cells[number])
        if kind is None:
            raise ValueError(
                f"{where}: {row(number)} holds {shown(cells[number])}, a "
                f"{type(cells[number]).__name__}; valid: a number, a text, a truth value or a time "
                "in each cell, one row a step"
            )
        found.add(kind)
    if found == {"texts"}:
        return _content_of_texts(cells[~missing(column)])
    if found == {"whole numbers", "numbers"}:
        return "numbers"
    return found.pop() if len(found) == 1 else "mixed"


def _content_of_texts(texts: npt.NDArray[Any]) -> Content:
    if all(text in _TRUTH for text in texts):
        return "truth values"
    if not np.isnan(_parsed(texts)).any():
        return "whole numbers" if all(map(_WHOLE.fullmatch, texts)) else "numbers"
    return "texts"


def _parsed(texts: npt.NDArray[Any]) -> Floats:
    """Return (cells,) the nearest float64 to each number as it is written, NaN where it is none."""
    import pandas as pd

    written = [text for text in texts.tolist() if text is not None]
    if {*map(type, written)} <= {str}:
        signs = "".join(written)
        # What Python takes for a number beyond what tables do: 1_000, nan, infinity, other digits.
        if signs.isascii() and not {*"_nN"} & {*signs}:
            try:
                return texts.astype(np.float64)
            except ValueError:
                # A cell that is no number; which, is found below.
                pass
    parsed = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    values = np.array(parsed, dtype=np.float64)
    for place in np.flatnonzero(np.isfinite(values)):
        # pandas rounds what has more than 15 digits, and 0.0000000000000000000001 off to 0.
        if isinstance(texts[place], str) and _DECIMAL.fullmatch(texts[place]):
            values[place] = float(texts[place])
    return values


def numbers(column: pd.Series[Any], where: str) -> Floats:
    """Return (rows,) numbers, NaN where a cell is empty.

    Raises:
        ValueError: a cell is no finite number within float32's range; the message names the first.
    """
    empty = missing(column)
    if column.dtype.kind in "buif":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        cells = [_plain(cell) for cell in column.astype(object)[~empty]]
        # True and False are numbers where there is nothing else in the column.
        if all(isinstance(cell, str) and cell in _TRUTH for cell in cells):
            cells = [_TRUTH[cell] for cell in cells]
        values = np.full(len(column), np.nan)
        values[~empty] = _parsed(np.array(cells, dtype=object))
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32)) & ~empty
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{where}: {row(first)} holds {shown(column.iloc[first])}, which is no finite number "
            f"within float32 ({int(bad.sum())} such cells)"
        )
    if (np.abs(values[~empty]) >= _EXACT).any():
        _refuse_rounded(column, np.flatnonzero(~empty), where)
    return values


def _refuse_rounded(column: pd.Series[Any], rows: npt.NDArray[np.int64], where: str) -> None:
    """Refuse whole numbers so far from 0 that float64 would round off what changes in them."""
    cells = [_whole(cell) for cell in column.astype(object).iloc[rows]]
    whole = [cell for cell in cells if cell is not None]
    if len(whole) < len(cells):
        return
    changes = np.array([float(number - whole[0]) for number in whole])
    if 0 < 1e-2 * changes.std() < max(map(abs, whole)) / _EXACT:
        place = int(np.flatnonzero(changes)[0])
        raise ValueError(
            f"{where}: {row(int(rows[place]))} holds {whole[place]} after {whole[0]}, whole "
            "numbers so far from 0 that float64 would round their changes off; valid: less a "
            "number that is near them all, or left out, or categories of a table"
        )


def _whole(cell: Any) -> int | None:
    """Return a cell that is written as a whole number."""
    if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
        return int(cell)
    return int(cell) if isinstance(cell, str) and _WHOLE.fullmatch(cell) else None


def _plain(cell: Any) -> Any:
    """Return a cell as `pandas.to_numeric` understands it, so that what is no number is none."""
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, (bool, np.bool_, *_NUMBERS)):
        return str(cell)
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def truths(frame: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """Return which columns hold truth values, and nothing else where a cell is not empty."""
    if frame.empty:
        return ()
    # A single look at the first row leaves few columns of many to be looked at whole.
    first = frame[[*names]].iloc[0]
    cells = zip(names, first.tolist(), missing(first), strict=True)
    maybe = [name for name, cell, gone in cells if gone or _is_true_or_false(cell)]
    return tuple(name for name in maybe if content(frame[name], name) == "truth values")


def _is_true_or_false(cell: object) -> bool:
    return isinstance(cell, bool | np.bool_) or cell in _TRUTH


def block(frame: pd.DataFrame, names: list[str], where: str) -> Floats:
    """Return (rows, columns) numbers of many columns at once, NaN where a cell is empty.

    Raises what `numbers` does.
    """
    part = frame[names]
    cells = part.to_numpy() if set(part.dtypes) == {np.dtype(object)} else None
    if cells is None or not {*map(type, cells.ravel().tolist())} <= {str, type(None)}:
        columns = [numbers(part[name], f"{where}: column {name!r}") for name in names]
        return np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))
    values = _parsed(cells.ravel()).reshape(cells.shape)
    with np.errstate(over="ignore"):
        fine = np.isfinite(values.astype(np.float32)) & (np.abs(values) < _EXACT)
    fine |= part.isna().to_numpy()
    for place in np.flatnonzero(~fine.all(0)):
        name = names[place]
        values[:, place] = numbers(part[name], f"{where}: column {name!r}")
    return values


def texts(column: pd.Series[Any]) -> list[str | None]:
    """Return every cell as it is written, None where it is empty."""
    cells = column.astype(object).to_numpy()
    return [
        None if gone else cell if isinstance(cell, str) else str(cell)
        for cell, gone in zip(cells, missing(column), strict=True)
    ]


def in_order(labels: set[str]) -> list[str]:
    """Return labels sorted: numbers by size and then form, anything else as text."""
    if all(map(_WHOLE.fullmatch, labels)):
        return sorted(labels, key=lambda label: (int(label), label))
    # A decimal comma is kept in a name.
    pointed = {label: label.replace(",", ".") for label in labels}
    if all(map(_DECIMAL.fullmatch, pointed.values())):
        return sorted(labels, key=lambda label: (float(pointed[label]), label))
    return sorted(labels)
