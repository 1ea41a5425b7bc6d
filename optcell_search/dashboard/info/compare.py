"""Several runs side by side, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ... import results
from ...results import Direction
from .data import Data
from .differences import Difference, differences


@dataclass(frozen=True)
class Standing:
    """One run among others.

    Attributes:
        name: of the run.
        task: that it searched for.
        trials, complete: how many it has.
        seconds: from the start of its first trial to the end of its last one.
        best: objective → its best value.
        front: the front's values, one point a row, in the order of the shared objectives.
        volume: share that its front dominates of the box around the ranked rows of all runs; None
            where the runs do not share two objectives.
    """

    name: str
    task: str
    trials: int
    complete: int
    seconds: float
    best: dict[str, float]
    front: tuple[tuple[float, ...], ...]
    volume: float | None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        objectives: those that all of them share, in the order of the first.
        standings: one a run.
        differences: what not all of them have in common.
    """

    objectives: dict[str, Direction]
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]


def compare(runs: Mapping[str, Data]) -> Comparison:
    """Return how runs stand to each other.

    Args:
        runs: name → run.
    """
    every = list(runs.values())
    shared = {
        name: direction
        for name, direction in every[0].objectives.items()
        if all(data.objectives.get(name) == direction for data in every)
    }
    points = [data.eligible[list(shared)].to_numpy(dtype=float) for data in every]
    volumes = _volumes(points, list(shared.values()))
    standings = [
        _standing(name, data, shared, mine, volume)
        for (name, data), mine, volume in zip(runs.items(), points, volumes, strict=True)
    ]
    return Comparison(shared, tuple(standings), differences(every))


def _standing(
    name: str,
    data: Data,
    shared: Mapping[str, Direction],
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    volume: float | None,
) -> Standing:
    table = data.table
    ended = table["started"] + np.array(table["seconds"] * 1e6, dtype="timedelta64[us]")
    span = (ended.max() - table["started"].min()).total_seconds() if len(table) else 0.0
    best = {}
    if len(data.eligible):
        best = {
            objective: float(results.best(table, data.objectives, objective)[objective])
            for objective in data.objectives
        }
    front = points[results.front_mask(points, list(shared.values()))] if shared else points
    return Standing(
        name=name,
        task=str(data.request["task"]),
        trials=len(table),
        complete=int((table["state"] == "COMPLETE").sum()),
        seconds=float(span) if span == span else 0.0,
        best=best,
        front=tuple(sorted(tuple(float(value) for value in point) for point in front)),
        volume=volume,
    )


def _volumes(
    points: Sequence[np.ndarray[tuple[int, int], np.dtype[np.float64]]],
    directions: Sequence[Direction],
) -> list[float | None]:
    everything = np.concatenate(points)
    if len(directions) < 2 or not len(everything):
        return [None] * len(points)
    box = float(np.prod(np.ptp(everything, axis=0)))
    if not box:
        return [None] * len(points)
    maximize = np.array([direction == "maximize" for direction in directions])
    worst = np.where(maximize, everything.min(axis=0), everything.max(axis=0)).tolist()
    return [results.hypervolume(mine, directions, worst) / box for mine in points]
