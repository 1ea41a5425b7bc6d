"""Learning curves."""

from __future__ import annotations

import plotly.graph_objects as go

from .. import words
from ..info.training import learning_curves, sampled
from .figure import RunFigure, axis, figure, level
from .source import AnyRun, board_of, styles_of

_FAINT = 0.3


def plot_training(run: AnyRun, metric: str | None = None, most: int = 300) -> RunFigure:
    """Return learning curves: those of the front strong, those of others pale.

    A dashed line is at what needs no input (see `Run.chance`), where that is near.

    Args:
        run: the run.
        metric: which; by default the first objective that is learned.
        most: of very many trials so many are drawn beside the front, evenly chosen.

    Returns:
        The figure; its ``info`` is a `dashboard.info.training.Curves`.

    Raises:
        ValueError: there are no curves of this metric.
    """
    board = board_of(run)
    data, colours = board.data, styles_of(board)
    curves = board.curves(sampled(data, board.trained, most))
    found = learning_curves(data, curves, metrics=len(data.table.columns))
    if metric is not None and metric not in found.metrics:
        raise ValueError(f"no learning curves of {metric!r}; valid: {', '.join(found.metrics)}")
    name = metric or (found.metrics[0] if found.metrics else data.first)
    rules = dict(zip(data.table["number"], data.table["rule"], strict=True))
    front = set(data.front)
    shown = sorted({str(rules[number]) for number in found.numbers})
    traces = [_entry(rule, colours[rule].colour) for rule in shown]
    for number, epochs, values in sorted(
        zip(found.numbers, found.epochs, found.values.get(name, ()), strict=False),
        key=lambda curve: curve[0] in front,
    ):
        rule, strong = str(rules[number]), number in front
        traces.append(
            go.Scatter(
                x=epochs,
                y=values,
                mode="lines",
                name=rule,
                legendgroup=rule,
                showlegend=False,
                line={"color": colours[rule].colour, "width": 2.5 if strong else 1},
                opacity=1.0 if strong else _FAINT,
                hovertemplate=f"trial {number}: %{{y:.4g}}<extra></extra>",
            )
        )
    learned = [value for curve in found.values.get(name, ()) for value in curve]
    levels = level("y", data.chance.get("search", {}).get(name), learned)
    nothing = "No epoch has been finished yet."
    sides = axis("epoch"), axis(words.axis(name))
    return figure(traces, found, *sides, nothing=nothing, levels=levels)


def _entry(rule: str, colour: str) -> go.Scatter:
    """Return an entry of the legend that is strong whichever curves there are."""
    line = {"color": colour, "width": 2.5}
    return go.Scatter(x=[None], y=[None], mode="lines", name=rule, legendgroup=rule, line=line)
