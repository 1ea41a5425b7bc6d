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
    traces: Iterable[Any], info: Any, x: dict[str, Any], y: dict[str, Any], height: int = _HEIGHT
) -> RunFigure:
    """Return a figure at print size on white.

    Args:
        traces: of plotly.
        info: the plain data behind them.
        x, y: the axes, as plotly takes them.
        height: in pixels.
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
    return RunFigure(list(traces), layout, info=info)


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
