"""Two columns against each other, the front joined."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from .. import words
from ..info.data import Axis, Data
from ..info.data import axis as axis_of
from ..info.front import front
from ..palette import Style
from .figure import FAINT, INK, RunFigure, axis, figure, level
from .source import AnyRun, board_of, styles_of

_PALE = 0.4


def plot_front(run: AnyRun, x: str | None = None, y: str | None = None) -> RunFigure:
    """Return every ranked trial, those on the front large and joined, the knee ringed.

    Bars through the points of the front are standard deviations over repeats or folds, where there
    are any; a dashed line is at what needs no input (see `Run.chance`), where that is near.

    Args:
        run: the run.
        x, y: columns of `Run.results`; by default the second and the first objective, and for a
            single objective the trials in their order.

    Returns:
        The figure; its ``info`` is a `dashboard.info.front.Front`.

    Raises:
        ValueError: the table has no such column of numbers.
    """
    board = board_of(run)
    data, colours = board.data, styles_of(board)
    names = list(data.objectives)
    across = _column(data, x or (names[1] if len(names) > 1 else "number"))
    up = _column(data, y or names[0])
    found = front(data)
    rows = data.eligible
    on_front = rows["number"].isin(found.numbers)
    traces = []
    if len(names) == 2 and {across.name, up.name} == set(names):
        traces.append(_line(rows[on_front].sort_values(across.name), across, up))
    for rule, group in rows.groupby("rule", sort=True):
        style, named = colours[str(rule)], False
        for large in (True, False):
            mine = group[on_front[group.index] == large]
            if len(mine):
                traces.append(_points(mine, across, up, str(rule), style, large, not named))
                named = True
    if found.knee is not None:
        traces.append(_ring(rows[rows["number"] == found.knee], across, up))
    without = data.chance.get("search", {})
    levels = [
        found
        for side, one in (("x", across), ("y", up))
        for found in level(side, without.get(one.name), rows[one.name].astype(float))
    ]
    nothing = "No trial is ranked yet."
    sides = _side(rows, across), _side(rows, up)
    return figure(traces, found, *sides, nothing=nothing, levels=levels)


def _side(rows: pd.DataFrame, one: Axis) -> dict[str, Any]:
    return axis(one.label, one.log, rows[one.name].dropna().astype(float))


def _line(rows: pd.DataFrame, across: Axis, up: Axis) -> go.Scatter:
    line = {"color": INK, "width": 1.5, "dash": "dot"}
    return go.Scatter(x=rows[across.name], y=rows[up.name], mode="lines", name="front", line=line)


def _points(
    rows: pd.DataFrame, across: Axis, up: Axis, rule: str, style: Style, large: bool, named: bool
) -> go.Scatter:
    return go.Scatter(
        x=rows[across.name],
        y=rows[up.name],
        mode="markers",
        name=rule,
        legendgroup=rule,
        showlegend=named,
        marker={
            "color": style.colour,
            "symbol": style.marker,
            "size": 12 if large else 7,
            "opacity": 1.0 if large else _PALE,
        },
        error_x=_spread(rows, across.name) if large else None,
        error_y=_spread(rows, up.name) if large else None,
        customdata=rows["number"],
        hovertemplate="trial %{customdata}<br>%{x}, %{y}<extra></extra>",
    )


def _ring(rows: pd.DataFrame, across: Axis, up: Axis) -> go.Scatter:
    return go.Scatter(
        x=rows[across.name],
        y=rows[up.name],
        mode="markers",
        name=f"knee: trial {rows['number'].iloc[0]}",
        marker={"symbol": "circle-open", "size": 20, "color": INK, "line": {"width": 2}},
    )


def _column(data: Data, name: str) -> Axis:
    numbers = [str(c) for c in data.table.select_dtypes("number").columns]
    if data.table.empty:
        # What holds nothing is of no kind yet.
        numbers = ["number", *data.objectives]
    if name not in numbers:
        raise ValueError(f"no column of numbers {name!r}; valid: {', '.join(numbers)}")
    if name in data.objectives:
        return axis_of(name, data.eligible[name])
    label = words.column(name)
    if name == "number":
        return Axis(name, label)
    return axis_of(name, data.eligible[name].dropna().astype(float), label)


def _spread(rows: pd.DataFrame, name: str) -> dict[str, Any] | None:
    column = f"{name}_std"
    if column not in rows:
        return None
    return {"type": "data", "array": rows[column], "thickness": 1, "width": 3, "color": FAINT}
