"""Rules and cells compared."""

from __future__ import annotations

import plotly.graph_objects as go

from .. import words
from ..content import curves_to_compare
from ..info.uncertainty.standings import Standing, standings
from ..palette import Style
from .figure import INK, RunFigure, axis, figure
from .source import AnyRun, board_of, styles_of

_CELL = Style(INK, "circle-open")


def plot_rules(run: AnyRun) -> RunFigure:
    """Return the mean first objective of each rule and cell with its 95 % confidence interval.

    Trials that were stopped early take part: all are compared after the epoch at which the first
    of them were stopped.

    Returns:
        The figure; its ``info`` is a `dashboard.info.uncertainty.standings.Standings`.
    """
    board = board_of(run)
    found = standings(board.data, curves_to_compare(board))
    colours = styles_of(board)
    traces = [
        _trace(row, colours[row.name] if row.kind == "rule" else _CELL)
        for row in reversed(found.rows)
    ]
    label = f"mean {words.axis(board.data.first)}"
    if found.rung:
        label += f" after epoch {found.rung}"
    up = {"type": "category", "showgrid": False}
    height = 100 + 34 * len(found.rows)
    nothing = "No rule can be compared yet: no trial has reached a score."
    return figure(traces, found, axis(label), up, height, nothing=nothing)


def _trace(row: Standing, style: Style) -> go.Scatter:
    error = None
    if row.early.low is not None and row.early.high is not None:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [row.early.high - row.early.mean],
            "arrayminus": [row.early.mean - row.early.low],
            "color": style.colour,
            "width": 5,
        }
    return go.Scatter(
        x=[row.early.mean],
        y=[f"{row.name} ({row.trials})"],
        mode="markers",
        marker={"color": style.colour, "symbol": style.marker, "size": 10},
        error_x=error,
        showlegend=False,
        name=row.name,
    )
