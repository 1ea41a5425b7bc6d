"""What the views show of learning, finalized scores and single trials, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..results import Direction
from . import words
from .info import Axis, Data, describe, hover, records, settings

# A page with more faint curves than this shows no more, only darker.
_MOST_CURVES = 400


@dataclass(frozen=True)
class Curve:
    """The learning curve of one trial."""

    number: int
    rule: str
    state: str
    on_front: bool
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    hover: str


@dataclass(frozen=True)
class Curves:
    """Learning curves.

    Attributes:
        y: the metric.
        curves: those to draw: all of the front, and of the others an even sample.
        total: how many there are.
    """

    y: Axis
    curves: tuple[Curve, ...]
    total: int


def learning_curves(data: Data, front: set[int]) -> Curves:
    """Return the curves of the first objective that changes while training."""
    metric = _learned(data.curves, data.objectives)
    y = Axis(metric, words.axis(metric))
    if data.curves.empty:
        return Curves(y, (), 0)
    rows = {row["number"]: row for row in records(data.table)}
    numbers = data.curves["number"].unique()
    others = [n for n in numbers if n not in front]
    step = max(1, -(-len(others) // _MOST_CURVES))
    drawn = front | set(others[::step])
    by_number = data.curves[data.curves["number"].isin(drawn)].groupby("number", sort=True)
    curves = []
    for number, steps in by_number:
        row = rows[number]
        curves.append(
            Curve(
                number=int(row["number"]),
                rule=row["rule"],
                state=row["state"],
                on_front=row["number"] in front,
                epochs=tuple(int(e) for e in steps["epoch"]),
                values=tuple(float(v) for v in steps[metric]),
                hover=hover(row, {}),
            )
        )
    return Curves(y, tuple(curves), len(numbers))


def _learned(curves: pd.DataFrame, objectives: Mapping[str, Direction]) -> str:
    first = next(iter(objectives))
    costs = {"parameters", "latency_ms", "train_seconds"}
    learned = [n for n in [*objectives, "loss"] if n not in costs and n in curves.columns]
    return learned[0] if learned else first


@dataclass(frozen=True)
class FinalRow:
    """Scores of a re-trained trial: split → metric → "mean ± spread" in words."""

    number: int
    description: str
    rule: str
    seeds: int
    epochs: int
    scores: dict[str, dict[str, str]]


def final_rows(data: Data) -> tuple[FinalRow, ...]:
    """Return the finalized trials, test scores apart from validation scores."""
    trials = {row["number"]: row for row in records(data.table)}
    rows = []
    for number, group in data.finalized.groupby("number", sort=True):
        row = trials[number]
        scores: dict[str, dict[str, str]] = {}
        for entry in records(group):
            text = f"{words.number(entry['mean'])} ± {entry['std']:.2g}"
            scores.setdefault(str(entry["split"]), {})[str(entry["metric"])] = text
        seeds, epochs = int(group["seeds"].max()), int(group["epochs"].max())
        rows.append(
            FinalRow(
                int(row["number"]),
                describe(row).partition("; ")[0],
                row["rule"],
                seeds,
                epochs,
                scores,
            )
        )
    return tuple(rows)


@dataclass(frozen=True)
class Table:
    """All trials: names of columns, and rows of plain values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


_ALWAYS = ("number", "state", "rule", "cell")
_MEASURED = ("loss", "train_seconds", "latency_ms", "parameters")
_TELLING = ("repeat", "feasible", "duplicate_of", "reason")


def trial_table(data: Data) -> Table:
    """Return the trials with the columns that tell them apart.

    A hyperparameter that several rules (or cells) have stands in one column for all of them.
    """
    table = data.table
    shared = {kind: _shared(table, kind) for kind in ("rule", "cell")}
    fixed = [c for c in map(str, table.columns) if c.startswith(("model.", "training."))]
    columns: dict[str, list[Any]] = {column: list(table[column]) for column in _ALWAYS}
    columns |= {name: list(table[name]) for name in data.objectives}
    columns |= {words.symbol(n): v for values in shared.values() for n, v in values.items()}
    columns |= {words.setting(c): list(table[c]) for c in fixed if _tells(table, c)}
    measured = [name for name in _MEASURED if name in table and name not in columns]
    rest = [*measured, "epochs", "seconds", *(c for c in _TELLING if _tells(table, c))]
    columns |= {name: list(table[name]) for name in rest}
    columns["trial"] = columns.pop("number")
    names = ("trial", *(name for name in columns if name != "trial"))
    rows = zip(*(map(_shown, columns[name]) for name in names), strict=True)
    return Table(tuple(name.replace("_", " ") for name in names), tuple(rows))


def _shared(table: pd.DataFrame, kind: str) -> dict[str, list[Any]]:
    """Return the hyperparameters of every row's own rule (or cell) by undotted name."""
    own = [settings(row, str(row[kind])) for row in records(table)]
    names = dict.fromkeys(name for values in own for name in values)
    columns = {name: [values.get(name) for values in own] for name in names}
    return {name: values for name, values in columns.items() if len(set(values) - {None}) > 1}


def _shown(value: Any) -> Any:
    """Return a cell as JSON can hold it."""
    if words.is_missing(value):
        return None
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _tells(table: pd.DataFrame, column: str) -> bool:
    return column in table and table[column].nunique(dropna=False) > 1
