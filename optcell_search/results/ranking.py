"""Which trials are best: Pareto front, knee, best.

A row is *eligible* when its trial is COMPLETE with finite objectives, keeps the constraints of the
request, was made by the search (it has a key), and is not a repetition of another row's result
(`duplicate_of`). Only eligible rows can be on the front, the knee or the best. Where the search
ended before any trial did, the trials that it cut are eligible as they stand, and no longer once
another one is complete.

Where a candidate was trained several times, in folds or repeats, two are *nearly the same* in an
objective if the difference is at most a tenth of the better one's standard deviation. Between what
is the same or nearly so decides the spread, then what else is aimed at, then the size, and in the
end the candidate's key: never which of them came first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..ledger.trials.reasons import is_cut
from ..pareto import Direction, finite_rows, front_mask, losses

_NEARLY = 0.1


def eligible(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return the rows that may be ranked: complete, finite, feasible, not a repetition."""
    keep = (table["state"] == "COMPLETE") & table["duplicate_of"].isna()
    if "reason" in table.columns:
        whole = keep & not_cut(table)
        keep = whole if whole.any() else keep
    if "key" in table.columns:
        keep &= table["key"].notna()
    if "feasible" in table.columns:
        keep &= table["feasible"]
    return table[keep & finite_rows(_values(table, objectives))]


def not_cut(table: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows did not end because the search did, before they were through."""
    return ~table["reason"].fillna("").map(is_cut).astype(bool)


def best_first(table: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return the eligible rows, the best in the first objective at the top.

    Near-ties are told apart at the top alone: what is nearly the same as its neighbour need not be
    nearly the same as the next.
    """
    rows = _in_order(eligible(table, objectives), objectives)
    first = next(iter(objectives))
    spread = f"{first}_std"
    if rows.empty or spread not in rows:
        return rows
    best = rows.iloc[0]
    near = (rows[first] - best[first]).abs() <= _NEARLY * float(best[spread])
    same = _in_order(rows[near].assign(**{first: best[first]}), objectives)
    together: pd.DataFrame = pd.concat([rows.loc[same.index], rows[~near]])
    return together


def by_fresh_seeds(
    rows: pd.DataFrame, finalized: pd.DataFrame, name: str, direction: Direction
) -> pd.DataFrame:
    """Return rows of finalized trials, the best by the validation of fresh seeds at the top.

    Where none has one, since all were trained on validation data too, they stay in their order; a
    trial without it comes after those that have it.

    Args:
        rows: of trials, the best of the search at the top.
        finalized: as `results.finalized` gives it.
        name: of the metric that decides.
        direction: of that metric.
    """
    mine = finalized[(finalized["metric"] == name) & finalized["number"].isin(rows["number"])]
    validation = mine[mine["split"] == "validation"].set_index("number")["mean"]
    if validation.empty:
        return rows
    order = rows["number"].map(validation)
    sorted_rows: pd.DataFrame = rows.loc[
        order.sort_values(ascending=direction == "minimize", kind="stable").index
    ]
    return sorted_rows


def _in_order(rows: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """Return rows by the objectives in their order; see above for what is equal in the first."""
    first, *others = objectives
    ties = {f"{first}_std": True, **{name: objectives[name] == "minimize" for name in others}}
    ties |= {"parameters": True, "key": True, "number": True}
    order = {first: objectives[first] == "minimize", **ties}
    known = {name: up for name, up in order.items() if name in rows}
    return rows.sort_values(list(known), ascending=list(known.values()))


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
    return _in_order(front, objectives)


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
        which: an objective; ``"best"``, the first objective; or ``"knee"``. Of ties and near-ties
            see above.

    Raises:
        ValueError: `which` is none of these, or no row is eligible.
    """
    if which == "knee":
        return knee(table, objectives)
    first = next(iter(objectives)) if which == "best" else which
    if first not in objectives:
        raise ValueError(f"unknown choice {which!r}; valid: best, knee, {', '.join(objectives)}")
    rows = best_first(table, {first: objectives[first], **objectives})
    _refuse_empty(rows)
    return rows.iloc[0]


def _refuse_empty(front: pd.DataFrame) -> None:
    if front.empty:
        raise ValueError("no trial completed within the constraints, so there is none to choose")
