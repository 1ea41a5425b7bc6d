"""A plotly figure that carries the plain data behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

INK, ACCENT, FAINT = "#1b1f24", "#0b62a8", "#808080"
# In pixels of a screen: what a column of twelve centimetres holds at 150 dots an inch.
_WIDTH, _HEIGHT = 720, 440
# A chart stays on this machine: no button leads to a foreign site.
_REMOVED = ["sendChartToCloud", "sendDataToCloud"]


class RunFigure(go.Figure):  # type: ignore[misc]
    """A figure of a run; to be used as any figure of plotly.

    Attributes:
        info: the plain data that it shows, a dataclass of `optcell_search.dashboard.info`.
    """

    def __init__(self, data: Any = None, layout: Any = None, *args: Any, **kwargs: Any) -> None:
        self._info = kwargs.pop("info", None)
        super().__init__(data, layout, *args, **kwargs)

    @property
    def info(self) -> Any:
        """The plain data behind the figure."""
        return self._info

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.to_dict(), self._info)


def _again(content: dict[str, Any], info: Any) -> RunFigure:
    return RunFigure(content, info=info)


def figure(
    traces: Iterable[Any],
    info: Any,
    x: dict[str, Any],
    y: dict[str, Any],
    height: int = _HEIGHT,
    *,
    nothing: str = "Nothing to show yet.",
    levels: Iterable[tuple[str, float]] = (),
) -> RunFigure:
    """Return a figure at print size on white.

    Args:
        traces: of plotly.
        info: the plain data behind them.
        x, y: the axes, as plotly takes them.
        height: in pixels.
        nothing: what a figure without traces says, so that nobody takes it for a broken one.
        levels: "x" or "y", and the score there of what needs no input, drawn as a line.
    """
    axis = {
        "automargin": True,
        "zeroline": False,
        "separatethousands": True,
        "exponentformat": "none",
    }
    layout = {
        "template": "plotly_white",
        "width": _WIDTH,
        "height": height,
        "margin": {"l": 10, "r": 12, "t": 12, "b": 10},
        "font": {"color": INK, "size": 13},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "modebar": {"remove": _REMOVED},
        "xaxis": {**axis, **x},
        "yaxis": {**axis, **y},
    }
    drawn = list(traces)
    made = RunFigure(drawn, layout, info=info)
    if not shows_something(made):
        made.update_layout(height=_HEIGHT // 2, xaxis={"visible": False}, yaxis={"visible": False})
        place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
        made.add_annotation(text=nothing, font={"size": 15, "color": INK}, **place)
        return made
    for side, level in levels:
        add = made.add_vline if side == "x" else made.add_hline
        add(level, line={"color": FAINT, "width": 1, "dash": "dash"}, label={"text": "no input"})
    return made


def shows_something(figure: go.Figure) -> bool:
    """Whether anything is drawn."""
    return any(trace.x is not None and len(trace.x) for trace in figure.data)


def level(side: str, score: float | None, values: Iterable[float]) -> list[tuple[str, float]]:
    """Return a level for `figure` where it lies among the values or near them, else none.

    One far off would leave the values no room.
    """
    known = [value for value in values if math.isfinite(value)]
    if score is None or not known:
        return []
    low, high = min(known), max(known)
    near = (high - low) / 2
    return [(side, score)] if low - near <= score <= high + near else []


def axis(label: str, log: bool = False, values: Iterable[float] = ()) -> dict[str, Any]:
    """Return an axis with its title; a logarithmic one has ticks at 1, 2 and 5 times powers of 10.

    Args:
        label: its title.
        log: whether it is logarithmic.
        values: what is drawn along it, where that is known and positive.
    """
    plain = {"title": {"text": label}, "type": "log" if log else "linear"}
    known = [value for value in values if value > 0] if log else []
    if not known:
        return plain
    low, high = min(known) / 1.3, max(known) * 1.3
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    return {**plain, "tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}
