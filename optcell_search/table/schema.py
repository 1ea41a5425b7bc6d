"""What stands in a table's Parquet file, and whether a file is one: its head and its columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ..ledger.typed import checker, in_words, short
from ..training import COSTS

# Where the file says what the table is of.
HEAD = b"optcell_search"
FORMAT = 1
CURVES = ("validation", "train")
TEXTS = ("key", "reason", "detail", "made")
CURVE = pa.list_(pa.float64())
# Columns that every table has; those of metrics come besides.
_COLUMNS = {
    **dict.fromkeys((*TEXTS, "candidate", "gradients"), pa.string()),
    "seed": pa.int64(),
    **dict.fromkeys(("seconds", "validation.epoch"), CURVE),
}
_HEAD_HINTS: dict[str, Any] = {
    "task": str,
    "fingerprint": str,
    "space": dict[str, Any],
    "epochs": int,
    "metrics": dict[str, Literal["maximize", "minimize"]],
    "machine": dict[str, str | int],
    "versions": dict[str, str],
}
# Tables made before it was noted have none, and rungs of a search that is simulated on them tell
# nobody at chance apart from others.
_MAY_BE: dict[str, Any] = {"chance": list[str]}


def head_of(schema: pa.Schema, path: Path) -> dict[str, Any]:
    """Return what a file says of its table.

    Raises:
        ValueError: it says nothing, or something else.
    """
    said = (schema.metadata or {}).get(HEAD)
    if said is None:
        raise ValueError(f"{path}: holds no table of trained candidates")
    try:
        head = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: what it says of its table is no JSON: {error}") from error
    if not isinstance(head, dict):
        raise ValueError(f"{path}: says {short(head)} of its table; valid: names and values")
    if head.get("format") != FORMAT:
        raise ValueError(f"{path}: has format {head.get('format')!r}; this version reads {FORMAT}")
    for name, hint in (_HEAD_HINTS | {n: h for n, h in _MAY_BE.items() if n in head}).items():
        if not checker(hint)(head.get(name)):
            raise ValueError(f"{path}: {name} = {short(head.get(name))}; valid: {in_words(hint)}")
    if head["epochs"] < 1:
        raise ValueError(f"{path}: epochs = {head['epochs']}; valid: 1 or more")
    if not head["metrics"]:
        raise ValueError(f"{path}: metrics = {{}}; valid: those of the task, at least one")
    return head


def needed(metrics: Iterable[str]) -> list[str]:
    """Return the columns of a table whose task has these metrics."""
    judged = [f"validation.{name}" for name in (*metrics, *COSTS)]
    return list(dict.fromkeys([*_COLUMNS, *judged]))


def check_columns(table: pa.Table, metrics: Iterable[str], path: Path) -> None:
    """Raise a ValueError unless the columns are those that are needed, as they are written."""
    for name in [*needed(metrics), *table.column_names]:
        if name not in table.column_names:
            raise ValueError(f"{path}: has no column {name!r}")
        column, kind = table[name], _kind_of(name)
        if kind is not None and (
            column.type != kind or (column.null_count and kind != pa.float64())
        ):
            raise ValueError(
                f"{path}: column {name!r} is of {column.type}; valid: {kind}, each one"
            )
        if kind == CURVE and column.combine_chunks().values.null_count:
            raise ValueError(f"{path}: column {name!r} has gaps in its lists; valid: numbers")


def _kind_of(name: str) -> pa.DataType | None:
    part, _, metric = name.partition(".")
    if metric and part in (*CURVES, "test"):
        return pa.float64() if part == "test" else CURVE
    return _COLUMNS.get(name)
