"""The table of all trials as columns, and how each column is called, as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import words
from .data import Data

Kind = Literal["number", "text", "truth"]

_ALWAYS = ("number", "state", "rule", "cell")
_SHOWN = (*_ALWAYS, "epochs", "seconds", "reason", "feasible", "tags", "note")
_LAST = (
    "tags",
    "note",
    "epochs",
    "seconds",
    "worker",
    "repeat",
    "duplicate_of",
    "reason",
    "key",
    "seed",
)
_DIGITS = 6
_PLAIN = frozenset({type(None), str, bool, int})
# What pandas calls values that are numbers.
_NUMERIC = ("integer", "floating", "mixed-integer-float")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as the ledger has it.
        label: as people read it.
        kind: what its values are.
        group: ``trial``, ``objective``, ``rule``, ``cell``, ``model``, ``training``, ``penalty``
            (a further term of the loss) or ``metric``.
        shown: whether the table shows it unasked.
        log: whether an axis of it is logarithmic unasked.
    """

    name: str
    label: str
    kind: Kind
    group: str
    shown: bool
    log: bool


def columns(data: Data) -> tuple[Column, ...]:
    """Return the columns that hold anything, in the order in which the table has them."""
    table = data.table
    named = set(map(str, table["rule"].dropna())), set(map(str, table["cell"].dropna()))
    groups = {str(name): _group(str(name), data, *named) for name in table.columns}
    order = (
        "trial", "objective", "rule", "cell", "model", "training", "penalty", "metric", "last",
    )  # fmt: skip
    names = sorted(
        (name for name in groups if table[name].notna().any() or name in _ALWAYS),
        key=lambda name: order.index(groups[name]),
    )
    return tuple(_column(name, table[name], groups[name], data) for name in names)


def _group(name: str, data: Data, rules: set[str], cells: set[str]) -> str:
    section = name.partition(".")[0]
    if name in _LAST:
        return "last"
    if name in (*_ALWAYS, "feasible", "started"):
        return "trial"
    if name in data.objectives:
        return "objective"
    if "." in name:
        kinds = {"model": "model", "training": "training"}
        named = "rule" if section in rules else "cell" if section in cells else "penalty"
        return kinds.get(section, named)
    return "metric"


def _column(name: str, values: pd.Series[Any], group: str, data: Data) -> Column:
    kind = _kind(values)
    # Of a setting that trials without a candidate lack, the others may still all have the same.
    setting = group in ("model", "training")
    varied = values.nunique(dropna=setting) > 1
    shown = (
        name in data.objectives
        or name in ("tags", "note")
        or (varied and (name in _SHOWN or setting or name == "rule"))
    )
    low, high = (values.min(), values.max()) if kind == "number" else (0, 0)
    return Column(
        name=name,
        label=words.column(name),
        kind=kind,
        group="trial" if group == "last" else group,
        shown=bool(shown or name in _ALWAYS),
        log=bool(low > 0 and high > 20 * low) and name not in ("number", "epochs", "seed"),
    )


def _kind(values: pd.Series[Any]) -> Kind:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
        return "number"
    # One look at all values, made by pandas itself.
    found = pd.api.types.infer_dtype(values, skipna=True)
    return "truth" if found == "boolean" else "number" if found in _NUMERIC else "text"


def plain_values(values: pd.Series[Any], exact: bool) -> Sequence[Any]:
    """Return a column as JSON can hold it; None for what is missing, infinite or no number.

    Args:
        values: the column.
        exact: whether floats keep all digits, as hyperparameters have to, or six.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return [None if pd.isna(value) else value.isoformat() for value in values]
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(dtype=float)
        return finite(numbers if exact else rounded(numbers, _DIGITS))
    missing = values.isna()
    if missing.any():
        values = values.astype(object).where(~missing, None)
    known = values.tolist()
    # Nearly always all are what they have to be, and to ask each by itself takes long.
    return known if _PLAIN.issuperset(map(type, known)) else [_plain(one) for one in known]


def rounded(values: npt.NDArray[np.float64], digits: int) -> npt.NDArray[np.float64]:
    """Return values with so many significant digits, whole numbers with all."""
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    power = digits - 1 - np.floor(np.log10(size))
    # Multiplied or divided by whole powers of ten, so that the result is the nearest double.
    up, down = 10.0 ** np.clip(power, 0, 300), 10.0 ** np.clip(-power, 0, 300)
    short = np.round(values * up / down) / up * down
    return np.where(values == np.trunc(values), values, short)


def finite(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Return values as Python's own, None for NaN and infinities."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    found: list[float | None] = plain.tolist()
    return found


def _plain(value: Any) -> Any:
    if words.is_missing(value):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) else str(value)
