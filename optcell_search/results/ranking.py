"""Which trials are best: Pareto front, knee, best.

A row is *eligible* when its trial is COMPLETE with finite objectives, keeps the constraints of the
request, was made by the search (it has a key), and is not a repetition of another row's result
(`duplicate_of`). Only eligible rows can be on the front, the knee or the best.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..pareto import Direction, finite_rows, front_mask, losses


def eligible(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return the rows that may be ranked: complete, finite, feasible, not a repetition."""
    keep = (table["state"] == "COMPLETE") & table["duplicate_of"].isna()
    if "key" in table.columns:
        keep &= table["key"].notna()
    if "feasible" in table.columns:
        keep &= table["feasible"]
    return table[keep & finite_rows(_values(table, objectives))]


def best_first(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return the eligible rows, the best in the first objective at the top."""
    rows = eligible(table, objectives)
    first, direction = next(iter(objectives.items()))
    return rows.sort_values([first, "number"], ascending=[direction == "minimize", True])


def _values(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> npt.NDArray[np.float64]:
    missing = [name for name in objectives if name not in table.columns]
    if missing:
        raise ValueError(f"unknown objective {missing[0]!r}; valid: {', '.join(table.columns)}")
    return table[list(objectives)].to_numpy(dtype=np.float64)


def pareto(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return the eligible rows that no other eligible row dominates, best first objective first.

    A row dominates another when it is at least as good in every objective and better in one.
    """
    rows = eligible(table, objectives)
    front = rows[front_mask(_values(rows, objectives), list(objectives.values()))]
    ascending = [direction == "minimize" for direction in objectives.values()]
    return front.sort_values([*objectives, "number"], ascending=[*ascending, True])


def knee(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.Series[Any]:
    """Return the row of the front with the most of everything at once.

    With each objective scaled over the front to 0 (best) … 1 (worst), it is the row whose scaled
    values have the least sum: for two objectives the point that bulges farthest from the line
    through the two ends of the front (Das 1999). Ties go to the better first objective.

    Raises:
        ValueError: no row is eligible.
    """
    front = pareto(table, objectives)
    _refuse_empty(front)
    points = losses(_values(front, objectives), list(objectives.values()))
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    scaled = (points - low) / np.where(span > 0, span, 1.0)
    return front.iloc[int(np.argmin(scaled.sum(axis=1).round(12)))]


def best(
    table: pd.DataFrame, objectives: Mapping[str, Direction], which: str = "best"
) -> pd.Series[Any]:
    """Return one eligible row.

    Args:
        table: rows as `frame` gives them.
        objectives: the objectives and their directions, the most important one first.
        which: an objective; ``"best"``, the first objective; or ``"knee"``. Ties go to the row that
            is better in the other objectives, in their order, then to the lower number.

    Raises:
        ValueError: `which` is none of these, or no row is eligible.
    """
    if which == "knee":
        return knee(table, objectives)
    first = next(iter(objectives)) if which == "best" else which
    if first not in objectives:
        raise ValueError(f"unknown choice {which!r}; valid: best, knee, {', '.join(objectives)}")
    order = {first: objectives[first], **objectives}
    front = pareto(table, order)
    _refuse_empty(front)
    return front.iloc[0]


def _refuse_empty(front: pd.DataFrame) -> None:
    if front.empty:
        raise ValueError("no trial completed within the constraints, so there is none to choose")
