"""How far the search was at each moment."""

from __future__ import annotations

import plotly.graph_objects as go

from .. import words
from ..info.front import growth
from .figure import ACCENT, RunFigure, axis, figure
from .source import AnyRun, board_of


def plot_growth(run: AnyRun, seconds: bool = False) -> RunFigure:
    """Return the share that the front dominates, or for one objective its best value, as it grew.

    Args:
        run: the run.
        seconds: over the time since the start rather than over the finished trials.

    Returns:
        The figure; its ``info`` is a `dashboard.info.front.Growth`.
    """
    data = board_of(run).data
    found = growth(data)
    several = len(data.objectives) > 1
    line = go.Scatter(
        x=found.seconds if seconds else found.finished,
        y=found.value,
        mode="lines",
        line={"shape": "hv", "width": 2, "color": ACCENT},
        showlegend=False,
    )
    across = axis("time since the start (s)" if seconds else "finished trials")
    up = axis("hypervolume (share)" if several else words.axis(data.first))
    return figure([line], found, across, up, nothing="No trial is ranked yet.")
