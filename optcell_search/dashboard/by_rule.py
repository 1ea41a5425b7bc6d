"""What the views show of rules: which values of which rule do well, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ..hyperparameters import specification
from ..registry import rules as registered
from . import words
from .info import Axis, Data, hover, objective_axis, records

# Of a rule's rows, the share that counts as doing well.
_GOOD = 0.25
_ENOUGH = 8


@dataclass(frozen=True)
class Response:
    """How the first objective answers to a rule's hyperparameters.

    Attributes:
        rule, equation: its name, and its equation where it is registered here.
        x, y: axes: two hyperparameters, or one and the objective; None where none varies.
        xs, ys, values, number, hover: one entry a row; values are the objective's.
        good, better: the values' range to colour: a low (or high) end that most rows keep, and the
            best.
        sentence: which values do well, in words.
    """

    rule: str
    equation: str
    x: Axis | None
    y: Axis | None
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    values: tuple[float, ...]
    number: tuple[int, ...]
    hover: tuple[str, ...]
    sentence: str


def responses(data: Data) -> tuple[Response, ...]:
    """Return the response of every rule that has ranked rows, the best rule first."""
    rows = data.eligible
    ascending = data.objectives[data.first] == "minimize"
    ranked = rows.sort_values([data.first, "number"], ascending=[ascending, True])
    return tuple(
        _response(str(rule), ranked[ranked["rule"] == rule], data)
        for rule in ranked["rule"].unique()
    )


def _response(rule: str, rows: pd.DataFrame, data: Data) -> Response:
    declared = registered.get(rule) if rule in registered.names() else None
    specs = specification(declared) if declared else {}
    known = sorted(c for c in map(str, rows.columns) if c.startswith(f"{rule}."))
    names = [name for name in specs if f"{rule}.{name}" in known] or [
        column.removeprefix(f"{rule}.") for column in known
    ]
    names = [name for name in names if name != "eps"]
    varied = [name for name in names if rows[f"{rule}.{name}"].nunique() > 1]
    objective = objective_axis(data.first, rows[data.first])

    def axis(name: str) -> Axis:
        column = f"{rule}.{name}"
        low, high = rows[column].min(), rows[column].max()
        log = getattr(specs.get(name), "log", False) and low > 0
        return Axis(column, words.symbol(name), (float(low), float(high)) if log else None)

    x = axis(varied[0]) if varied else None
    y = axis(varied[1]) if len(varied) > 1 else objective
    return Response(
        rule=rule,
        equation=declared.equation if declared else "",
        x=x,
        y=y if x else None,
        xs=tuple(rows[x.name]) if x else (),
        ys=tuple(rows[y.name]) if x else (),
        values=tuple(rows[data.first].astype(float)),
        number=tuple(int(n) for n in rows["number"]),
        hover=tuple(hover(row, data.objectives) for row in records(rows)),
        sentence=_sentence(rule, rows, names, varied, data.first),
    )


def _sentence(
    rule: str, rows: pd.DataFrame, names: list[str], varied: list[str], objective: str
) -> str:
    top = records(rows)[0]
    at = words.options({name: top[f"{rule}.{name}"] for name in names}, ", ")
    said = f"Best {words.number(float(top[objective]))} of {words.count(len(rows), 'trial')}"
    said += f", with {at} (trial {top['number']})." if at else f" (trial {top['number']})."
    good = rows.iloc[: max(2, round(_GOOD * len(rows)))]
    numeric = [n for n in varied if pd.api.types.is_numeric_dtype(rows[f"{rule}.{n}"])]
    if len(rows) < _ENOUGH or not numeric:
        return said
    ranges = [_span(words.symbol(name), good[f"{rule}.{name}"]) for name in numeric]
    return f"{said} The best quarter lies at {words.listed(ranges)}."


def _span(name: str, values: pd.Series[Any]) -> str:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return f"{name} {words.number(low)}"
    return f"{name} {words.number(float(f'{low:.2g}'))} to {words.number(float(f'{high:.2g}'))}"


def colour_range(data: Data) -> tuple[float, float]:
    """Return the first objective's values at the dull and at the bright end of the colours.

    The dull end is the worst but a tenth of the rows: a few bad ones shall not use up the scale.
    """
    values = data.eligible[data.first].to_numpy(dtype=float)
    if not len(values):
        return 0.0, 1.0
    if data.objectives[data.first] == "maximize":
        return float(np.quantile(values, 0.1)), float(values.max())
    return float(np.quantile(values, 0.9)), float(values.min())


@dataclass(frozen=True)
class RuleByCell:
    """Best and median of the first objective for each rule and cell.

    Attributes:
        rules, cells: in the order of rows and columns.
        best, median: by (rule, cell); missing where no row is.
        count: likewise.
        share: from 0 for the worst best to 100 for the best one, for the shade.
    """

    rules: tuple[str, ...]
    cells: tuple[str, ...]
    best: dict[tuple[str, str], float]
    median: dict[tuple[str, str], float]
    count: dict[tuple[str, str], int]
    share: dict[tuple[str, str], int]


def rule_by_cell(data: Data) -> RuleByCell:
    """Return best and median of the first objective for each rule and cell."""
    grouped = data.eligible.groupby(["rule", "cell"])[data.first]
    maximize = data.objectives[data.first] == "maximize"
    best = grouped.max() if maximize else grouped.min()
    worst, top = (best.min(), best.max()) if maximize else (best.max(), best.min())
    share = (best - worst) / (top - worst) if top != worst else best * 0.0
    return RuleByCell(
        rules=tuple(sorted(data.eligible["rule"].unique())),
        cells=tuple(sorted(data.eligible["cell"].unique())),
        best=_plain(best),
        median=_plain(grouped.median()),
        count={key: int(n) for key, n in _plain(grouped.count()).items()},
        share={key: round(100 * part) for key, part in _plain(share).items()},
    )


def _plain(values: pd.Series[Any]) -> dict[tuple[str, str], float]:
    named = cast("dict[tuple[str, str], float]", values.to_dict())
    return {key: float(value) for key, value in named.items()}
