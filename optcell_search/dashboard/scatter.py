"""Objectives against each other, as plain data: all trials, the front, the knee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from .. import results
from ..results import Direction
from .info import Axis, Data, hover, objective_axis, records


@dataclass(frozen=True)
class Points:
    """Rows of one kind in a scatter."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    number: tuple[int, ...]
    hover: tuple[str, ...]
    on_front: tuple[bool, ...]


@dataclass(frozen=True)
class Scatter:
    """Two objectives of all ranked rows; one objective over the trial numbers where it is alone.

    Attributes:
        x, y: the axes.
        rules: points by rule.
        infeasible: points that break a constraint.
        front: the line to draw, empty for three objectives and more, whose front is no line.
        knee: position and number of the knee, None where there is none.
    """

    x: Axis
    y: Axis
    rules: dict[str, Points]
    infeasible: Points
    front: tuple[tuple[float, float], ...]
    knee: tuple[float, float, int] | None


def scatters(data: Data) -> tuple[Scatter, ...]:
    """Return the first objective against each other one."""
    first, *others = data.objectives
    rows = data.eligible
    front = set(results.pareto(data.table, data.objectives)["number"])
    broken = data.table[(data.table["state"] == "COMPLETE")]
    broken = broken[~broken["feasible"]] if "feasible" in broken else broken[:0]
    knee = results.knee(data.table, data.objectives) if others and len(rows) else None
    scatters = []
    for other in others or ["number"]:
        x = objective_axis(other, rows[other]) if others else Axis("number", "trial")
        y = objective_axis(first, rows[first])
        line: tuple[tuple[float, float], ...] = ()
        if len(others) <= 1:
            line = _front_line(rows, other, first, front, data.objectives)
        scatters.append(
            Scatter(
                x=x,
                y=y,
                rules={
                    str(rule): _points(group, other, first, front, data)
                    for rule, group in rows.groupby("rule", sort=True)
                },
                infeasible=_points(broken, other, first, set(), data),
                front=line,
                knee=None if knee is None else (knee[other], knee[first], int(knee["number"])),
            )
        )
    return tuple(scatters)


def _front_line(
    rows: pd.DataFrame, x: str, y: str, front: set[int], objectives: Mapping[str, Direction]
) -> tuple[tuple[float, float], ...]:
    if x == "number":
        best = rows[y].cummax() if objectives[y] == "maximize" else rows[y].cummin()
        return tuple(zip(rows["number"].astype(float), best, strict=True))
    line = rows[rows["number"].isin(front)].sort_values([x, y])
    return tuple(zip(line[x].astype(float), line[y].astype(float), strict=True))


def _points(rows: pd.DataFrame, x: str, y: str, front: set[int], data: Data) -> Points:
    return Points(
        x=tuple(rows[x].astype(float)),
        y=tuple(rows[y].astype(float)),
        number=tuple(int(number) for number in rows["number"]),
        hover=tuple(hover(row, data.objectives) for row in records(rows)),
        on_front=tuple(number in front for number in rows["number"]),
    )
