"""What matters."""

from __future__ import annotations

import plotly.graph_objects as go

from ..info.importance import ENOUGH, importances
from .figure import ACCENT, RunFigure, axis, figure
from .source import AnyRun, board_of

_SHARED = "all"


def plot_importances(run: AnyRun) -> RunFigure:
    """Return how much each hyperparameter decides over being among the best tenth (PED-ANOVA).

    Shares add up to 1 in each group: what all trials have, each rule's own, each cell's own, and
    what exists only beside certain values of others.

    Returns:
        The figure; its ``info`` is a tuple of `dashboard.info.importance.Importance`, empty under
        twenty ranked trials, or where nothing differs between them; the figure says which.
    """
    data = board_of(run).data
    found = importances(data)
    traces = [
        go.Bar(
            x=group.shares,
            y=[f"{label} " for label in group.labels],
            orientation="h",
            name="all trials" if group.group == _SHARED else f"only {group.group}",
        )
        for group in found
    ]
    if len(traces) == 1:
        traces[0].marker.color = ACCENT
    height = 100 + 24 * sum(len(group.labels) for group in found)
    across = {**axis("share of importance in its group"), "tickformat": ".0%"}
    up = {"type": "category", "autorange": "reversed"}
    return figure(traces, found, across, up, height, nothing=_why_none(len(data.eligible)))


def _why_none(ranked: int) -> str:
    if ranked < ENOUGH:
        return f"What matters can be told from {ENOUGH} ranked trials on; so far: {ranked}."
    return f"The ranked trials differ in no hyperparameter that {ENOUGH} of them have."
