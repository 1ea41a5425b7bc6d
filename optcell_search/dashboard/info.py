"""What the views show, as plain data: who wins, which values of which rule do well, how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import optuna
import pandas as pd

from .. import results
from ..results import Direction
from . import words

# An objective whose values span more than this factor is shown on a logarithmic axis.
_LOG_SPAN = 20.0


@dataclass(frozen=True)
class Data:
    """A run as read once: all that the views are made of."""

    table: pd.DataFrame
    curves: pd.DataFrame
    finalized: pd.DataFrame
    objectives: dict[str, Direction]
    request: dict[str, Any]

    @property
    def eligible(self) -> pd.DataFrame:
        """The rows that may be ranked."""
        return results.eligible(self.table, self.objectives)

    @property
    def first(self) -> str:
        """The most important objective."""
        return next(iter(self.objectives))


def read(study: optuna.Study) -> Data:
    """Read everything the views need."""
    return Data(
        table=results.frame(study),
        curves=results.curves(study),
        finalized=results.finalized(study),
        objectives=results.objectives(study),
        request=dict(study.user_attrs["request"]),
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as dictionaries."""
    return cast("list[dict[str, Any]]", table.to_dict("records"))


def settings(row: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return the values of a row's dotted names of one section, without the section."""
    prefix = f"{section}."
    return {
        key.removeprefix(prefix): value
        for key, value in row.items()
        if key.startswith(prefix) and not words.is_missing(value)
    }


def describe(row: Mapping[str, Any]) -> str:
    """Return a candidate in one line: cell, rule, size, training."""
    rule = words.options(_told(settings(row, row["rule"])))
    cell = words.options(settings(row, row["cell"]))
    size = words.options(_told(settings(row, "model")))
    training = settings(row, "training")
    trained = f"{training['optimizer']}, lr {words.number(training['lr'])}"
    driven = f"{row['rule']} ({rule})" if rule else row["rule"]
    return "; ".join(part for part in (f"{row['cell']} × {driven}", cell, size, trained) if part)


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is switched off, and ε, which only keeps a root away from 0."""
    return {key: value for key, value in values.items() if key != "eps" and value not in (0, False)}


@dataclass(frozen=True)
class Pick:
    """A row worth naming."""

    role: str
    number: int
    rule: str
    cell: str
    description: str
    values: dict[str, float]


@dataclass(frozen=True)
class Overview:
    """The run in a few numbers.

    Attributes:
        counts: trials by state, in the order in which they are told.
        reasons: failed trials by reason.
        picks: the best row of each objective and the knee; a row that is several of these once.
        hypervolume: share that the front dominates of the box between the best and the worst value
            of each objective; None where there is no such box.
        message: what to say where there is little to show, else empty.
    """

    counts: dict[str, int]
    reasons: dict[str, int]
    picks: tuple[Pick, ...]
    hypervolume: float | None
    message: str


_STATES = ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING")


def overview(data: Data) -> Overview:
    """Return the run in a few numbers."""
    rows = data.eligible
    states = data.table["state"].value_counts()
    counts = {state: int(states[state]) for state in _STATES if state in states}
    failed = data.table.loc[data.table["state"] == "FAIL", "reason"].fillna("unknown")
    reasons = {str(reason): int(n) for reason, n in failed.value_counts().items()}
    values = rows[list(data.objectives)].to_numpy(dtype=float)
    box = float(np.prod(np.ptp(values, axis=0))) if len(values) else 0.0
    volume = results.hypervolume(values, list(data.objectives.values())) / box if box else None
    return Overview(counts, reasons, _picks(data), volume, _message(data, counts, reasons))


def _picks(data: Data) -> tuple[Pick, ...]:
    if data.eligible.empty:
        return ()
    roles: dict[int, list[str]] = {}
    chosen: dict[int, dict[str, Any]] = {}
    wanted = [(name, words.best(name)) for name in data.objectives]
    if len(data.objectives) > 1:
        wanted.append(("knee", "knee"))
    for which, role in wanted:
        row = cast("dict[str, Any]", results.best(data.table, data.objectives, which).to_dict())
        roles.setdefault(int(row["number"]), []).append(role)
        chosen[int(row["number"])] = row
    return tuple(
        Pick(
            role=", ".join(roles[number]),
            number=number,
            rule=row["rule"],
            cell=row["cell"],
            description=describe(row),
            values={name: float(row[name]) for name in data.objectives},
        )
        for number, row in chosen.items()
    )


def _message(data: Data, counts: Mapping[str, int], reasons: Mapping[str, int]) -> str:
    if not counts:
        return "No trial yet. The views fill as soon as the first ones finish."
    if len(data.eligible) == 1:
        return "One trial is finished. Comparing starts with the second."
    if len(data.eligible) > 1:
        return ""
    if counts.get("COMPLETE"):
        return "Trials are complete, but none keeps the constraints of the search."
    if reasons:
        told = words.listed([f"{reason} ({n})" for reason, n in reasons.items()])
        return (
            f"No trial is complete. {words.count(sum(reasons.values()), 'trial')} failed: {told}."
        )
    return "No trial is complete yet."


@dataclass(frozen=True)
class Axis:
    """What an axis carries; `limits` are the ends of its values where it is logarithmic."""

    name: str
    label: str
    limits: tuple[float, float] | None = None

    @property
    def log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.limits is not None


def objective_axis(name: str, values: pd.Series[Any]) -> Axis:
    """Return the axis of a metric: logarithmic where its values span orders of magnitude."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    spans = low > 0 and high > _LOG_SPAN * low
    return Axis(name, words.axis(name), (low, high) if spans else None)


def hover(row: Mapping[str, Any], objectives: Mapping[str, Direction]) -> str:
    """Return what a row says when it is pointed at, one fact a line."""
    facts = [f"trial {row['number']}", *describe(row).split("; ")]
    facts += [f"{words.axis(name)}: {words.number(row[name])}" for name in objectives]
    return "\n".join(facts)
