"""From info objects to figures. Colours of text and grid are the page's, set there."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping

import plotly.graph_objects as go

from . import words
from .by_rule import Response
from .details import Curves
from .info import Axis
from .palette import NEUTRAL, Style
from .scatter import Points, Scatter

# Light where it is good. Cividis looks the same with and without red-green vision.
SCALE = "Cividis"
# The page recolours what is marked so in the colour of its text.
INK = {"ink": True}
_FAINT = 0.4
_MOST_TICKS = 9


def pareto(info: Scatter, styles: Mapping[str, Style]) -> go.Figure:
    """Draw two objectives of all trials, the front joined and the knee ringed."""
    figure = _figure(info.x, info.y, height=460)
    if info.front:
        xs, ys = zip(*info.front, strict=True)
        along_trials = info.x.name == "number"
        name = "best so far" if along_trials else "front"
        shape = "hv" if along_trials else "linear"
        line = {"color": NEUTRAL, "width": 1.5, "dash": "dot", "shape": shape}
        figure.add_scatter(
            x=xs, y=ys, mode="lines", name=name, line=line, hoverinfo="skip", meta=INK
        )
    if info.infeasible.number:
        marker = {"symbol": "x-thin", "size": 8, "line": {"width": 1.5, "color": NEUTRAL}}
        figure.add_scatter(**_at(info.infeasible), name="breaks a constraint", marker=marker)
    for rule, points in info.rules.items():
        style = styles[rule]
        marker = {
            "color": style.colour,
            "symbol": style.marker,
            "size": [13 if front else 8 for front in points.on_front],
            "opacity": [1.0 if front else _FAINT for front in points.on_front],
            "line": {"width": 0},
        }
        figure.add_scatter(**_at(points), showlegend=False, legendgroup=plain(rule), marker=marker)
        _legend(figure, rule, style, "markers")
    if info.knee:
        x, y, number = info.knee
        marker = {"symbol": "circle-open", "size": 22, "line": {"width": 2, "color": NEUTRAL}}
        figure.add_scatter(
            x=[x], y=[y], mode="markers", name=f"knee: trial {number}", marker=marker,
            hoverinfo="skip", meta=INK,
        )  # fmt: skip
    return figure


def response(info: Response, style: Style, limits: tuple[float, float]) -> go.Figure:
    """Draw a rule's hyperparameters, coloured by the objective where both axes are theirs."""
    assert info.x is not None
    assert info.y is not None
    figure = _figure(info.x, info.y, height=280)
    marker = {"symbol": style.marker, "size": 10, "line": {"width": 1, "color": NEUTRAL}}
    order = slice(None, None, -1)  # the best ones last, so that they lie on top
    if info.ys != info.values:
        low, high = limits
        if low > high:
            marker |= {"reversescale": True}
        marker |= {"color": info.values[order], "colorscale": SCALE}
        marker |= {"cmin": min(limits), "cmax": max(limits)}
    else:
        marker |= {"color": style.colour, "opacity": 0.75}
    figure.add_scatter(
        x=info.xs[order],
        y=info.ys[order],
        mode="markers",
        marker=marker,
        customdata=info.number[order],
        text=_lines(info.hover[order]),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    return figure


def learning(info: Curves, styles: Mapping[str, Style]) -> go.Figure:
    """Draw learning curves: the front's strong, the others faint, pruned and failed ones dotted."""
    figure = _figure(Axis("epoch", "epoch"), info.y, height=420)
    figure.update_xaxes(rangemode="tozero", tickformat="d", minallowed=0)
    faint = [curve for curve in info.curves if not curve.on_front]
    strong = [curve for curve in info.curves if curve.on_front]
    for rule in sorted({curve.rule for curve in info.curves}):
        style = styles[rule]
        kinds = ((True, "solid"), (False, "dot"))
        for complete, dash in kinds:
            mine = [c for c in faint if c.rule == rule and (c.state == "COMPLETE") is complete]
            if mine:
                figure.add_scatter(
                    # One trace for all: hundreds of traces would make the page slow.
                    x=[x for c in mine for x in (*c.epochs, None)],
                    y=[y for c in mine for y in (*c.values, None)],
                    mode="lines",
                    line={"color": style.colour, "width": 1, "dash": dash},
                    opacity=_FAINT,
                    legendgroup=plain(rule),
                    showlegend=False,
                    hoverinfo="skip",
                )
        for curve in (c for c in strong if c.rule == rule):
            figure.add_scatter(
                x=curve.epochs,
                y=curve.values,
                mode="lines+markers",
                line={"color": style.colour, "width": 2.5},
                marker={"symbol": style.marker, "size": 7},
                legendgroup=plain(rule),
                showlegend=False,
                customdata=[curve.number] * len(curve.epochs),
                text=_lines([curve.hover] * len(curve.epochs)),
                hovertemplate="%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>",
            )
        _legend(figure, rule, style, "lines+markers")
    return figure


def _legend(figure: go.Figure, rule: str, style: Style, mode: str) -> None:
    """Add an entry to the legend that looks the same whichever points there are."""
    figure.add_scatter(
        x=[None],
        y=[None],
        mode=mode,
        name=plain(rule),
        legendgroup=plain(rule),
        line={"color": style.colour, "width": 2.5},
        marker={"color": style.colour, "symbol": style.marker, "size": 10},
    )


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 times the powers of ten inside [low, high], fewer where they would crowd."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _MOST_TICKS:
            break
    return ticks


def plain(text: str) -> str:
    """Return text as plotly shows it: plotly reads some HTML, and names are not ours."""
    return html.escape(text, quote=False)


def _lines(texts: Iterable[str]) -> list[str]:
    return [plain(text).replace("\n", "<br>") for text in texts]


def _at(points: Points) -> dict[str, object]:
    return {
        "x": points.x,
        "y": points.y,
        "mode": "markers",
        "customdata": points.number,
        "text": _lines(points.hover),
        "hovertemplate": "%{text}<extra></extra>",
    }


def _figure(x: Axis, y: Axis, height: int) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        # Without it, plotly adds seven kilobytes of colours that the page sets anyway.
        template=go.layout.Template(),
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.01,
            "x": 0,
            "itemsizing": "constant",
        },
    )
    for update, axis in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        update(title={"text": plain(axis.label)}, automargin=True, zeroline=False)
        if axis.limits:
            ticks = log_ticks(*axis.limits)
            update(type="log", tickvals=ticks, ticktext=[words.short(tick) for tick in ticks])
    return figure
