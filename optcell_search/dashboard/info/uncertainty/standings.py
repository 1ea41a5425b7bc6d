"""Rules and cells compared, trials that were stopped early among them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ....results.intervals import Interval, Moments
from ...read.source import Curve
from ..data import Data
from ..training import rungs


@dataclass(frozen=True)
class Standing:
    """How the trials of one rule, or of one cell, did.

    Attributes:
        kind: ``rule`` or ``cell``.
        name: of the rule or the cell.
        trials: that trained to the rung or further; complete and stopped early.
        complete, stopped: of these.
        early: the first objective after the rung, over all of them.
        final: after the whole budget, over the complete ones; None where none is.
        best: the best complete trial's value, None likewise.
        number: of that trial.
    """

    kind: str
    name: str
    trials: int
    complete: int
    stopped: int
    early: Interval
    final: Interval | None
    best: float | None
    number: int | None


@dataclass(frozen=True)
class Standings:
    """Rules, then cells, the best first.

    Attributes:
        rung: the epoch after which the first trials were stopped, at which all are compared; 0
            where none was, so that all are compared in the end.
        rows: the rules and the cells.
    """

    rung: int
    rows: tuple[Standing, ...]


def standings(data: Data, curves: Mapping[int, Curve]) -> Standings:
    """Return how rules and cells compare in the first objective.

    A scheduler stops what falls behind, so the mean of what it left alone flatters a rule whose
    weak trials were stopped. Where trials were stopped, all are therefore compared at the first
    rung, which each of them reached; repetitions and trials that break a constraint are left out.

    Args:
        data: the run.
        curves: learning curves by trial; one that is not among them counts in the end alone.
    """
    rung = _first_rung(data)
    rows = _comparable(data, rung, curves)
    found = [
        _standing(kind, str(name), group, data)
        for kind in ("rule", "cell")
        for name, group in rows.groupby(kind, sort=True)
    ]
    sign = -1.0 if data.objectives[data.first] == "maximize" else 1.0
    found.sort(key=lambda one: (one.kind != "rule", sign * one.early.mean))
    return Standings(rung, tuple(found))


def _first_rung(data: Data) -> int:
    stopped = rungs(data)
    return stopped[0].epoch if stopped else 0


def _comparable(data: Data, rung: int, curves: Mapping[int, Curve]) -> pd.DataFrame:
    """Return the rows that count, with their value at the rung in ``early``."""
    rows = pd.concat([data.eligible, data.stopped])
    values = rows[data.first].to_numpy(dtype=float)
    numbers, epochs = rows["number"].to_numpy(), rows["epochs"].to_numpy()
    early = [
        _at(curves.get(int(number)), rung, data.first, float(value) if done == rung else np.nan)
        if rung
        else float(value)
        for number, done, value in zip(numbers, epochs, values, strict=True)
    ]
    rows = rows.assign(early=early)
    known: pd.DataFrame = rows[np.isfinite(rows["early"].to_numpy(dtype=float))]
    return known


def _at(curve: Curve | None, epoch: int, metric: str, otherwise: float) -> float:
    """Return a metric after an epoch."""
    if curve is None or metric not in curve.columns or epoch not in curve.epochs:
        return otherwise
    return curve.columns[metric][curve.epochs.index(epoch)]


def _standing(kind: str, name: str, rows: pd.DataFrame, data: Data) -> Standing:
    complete = rows[rows["state"] == "COMPLETE"]
    ascending = data.objectives[data.first] == "minimize"
    order = complete.sort_values([data.first, "number"], ascending=[ascending, True])
    return Standing(
        kind=kind,
        name=name,
        trials=len(rows),
        complete=len(complete),
        stopped=len(rows) - len(complete),
        early=Moments.of(rows["early"].tolist()).interval,
        final=Moments.of(complete[data.first].tolist()).interval if len(complete) else None,
        best=float(order[data.first].iloc[0]) if len(order) else None,
        number=int(order["number"].iloc[0]) if len(order) else None,
    )
