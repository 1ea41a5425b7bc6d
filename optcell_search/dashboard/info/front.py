"""Who is on the front, as plain data, and how the front grew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import results
from .data import Axis, Data, axis

# More moments than this of a growing front nobody tells apart.
_MOST_MOMENTS = 200
_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Front:
    """The rows that none other dominates.

    Attributes:
        numbers: of these rows, best first objective first.
        knee: the one with the most of everything; None for one objective, or where no row is.
        axes: one an objective, in their order.
        infeasible: complete rows that break a constraint.
    """

    numbers: tuple[int, ...]
    knee: int | None
    axes: tuple[Axis, ...]
    infeasible: tuple[int, ...]


def front(data: Data) -> Front:
    """Return the front of a run."""
    rows = data.eligible
    several = len(data.objectives) > 1
    knee = data.best("knee") if several and len(rows) else None
    complete = data.table[data.table["state"] == "COMPLETE"]
    broken = complete[~complete["feasible"]] if "feasible" in complete else complete[:0]
    return Front(
        numbers=data.front,
        knee=knee,
        axes=tuple(axis(name, rows[name]) for name in data.objectives),
        infeasible=tuple(int(number) for number in broken["number"]),
    )


@dataclass(frozen=True)
class Growth:
    """How far the search was at moments on its way.

    Attributes:
        finished: trials that had finished by then.
        seconds: since the first one started.
        value: for several objectives the share that the front dominated of the box between the
            worst and the best values of the whole run; for one, its best value.
        size: rows on the front.
        earlier: share of the run → the front's rows when so much of it had finished.
    """

    finished: tuple[int, ...]
    seconds: tuple[float, ...]
    value: tuple[float, ...]
    size: tuple[int, ...]
    earlier: dict[float, tuple[int, ...]]


def growth(data: Data) -> Growth:
    """Return how the front grew, in the order in which the trials ended.

    A trial of which the ledger does not know when it ended is left out.
    """
    ended = _ends(data.table)
    order = data.table["number"].to_numpy()[np.argsort(ended.to_numpy(), kind="stable")]
    done = order[: int(ended.notna().sum())]
    place = {int(number): i for i, number in enumerate(done, start=1)}
    known = data.eligible[data.eligible["number"].isin(place)]
    rows = known.assign(place=[place[int(n)] for n in known["number"]])
    rows = rows.sort_values("place")
    if rows.empty:
        return Growth((), (), (), (), {})
    begun = data.table["started"].min()
    values = rows[list(data.objectives)].to_numpy(dtype=float)
    numbers, places = rows["number"].to_numpy(), rows["place"].to_numpy()
    times = (ended[rows.index] - begun).dt.total_seconds().to_numpy()
    moments = np.unique(np.linspace(1, len(rows), min(len(rows), _MOST_MOMENTS)).round())
    told = [_state(values[: int(m)], values, data) for m in moments]
    last = moments.astype(int) - 1
    earlier = {}
    for share in _QUARTERS:
        upto = places <= share * len(done)
        mask = results.front_mask(values[upto], list(data.objectives.values()))
        earlier[share] = tuple(int(n) for n in numbers[upto][mask])
    return Growth(
        finished=tuple(int(p) for p in places[last]),
        seconds=tuple(float(t) for t in times[last]),
        value=tuple(value for value, _ in told),
        size=tuple(size for _, size in told),
        earlier=earlier,
    )


def _ends(table: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    return table["started"] + pd.to_timedelta(table["seconds"], unit="s")


def _state(
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    whole: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    data: Data,
) -> tuple[float, int]:
    """Return value and size of `Growth` for the rows `values` of the run's rows `whole`."""
    directions = list(data.objectives.values())
    mask = results.front_mask(values, directions)
    if len(directions) == 1:
        best = values.max() if directions[0] == "maximize" else values.min()
        return float(best), int(mask.sum())
    maximize = np.array([direction == "maximize" for direction in directions])
    worst = np.where(maximize, whole.min(axis=0), whole.max(axis=0))
    box = float(np.prod(np.ptp(whole, axis=0)))
    volume = results.hypervolume(values[mask], directions, worst.tolist()) if box else 0.0
    return (volume / box if box else 0.0), int(mask.sum())
