"""The run in a few numbers, and the rows worth naming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ... import results
from .. import words
from .data import Data, describe


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
        number = data.best(which)
        roles.setdefault(number, []).append(role)
        found = data.table[data.table["number"] == number].iloc[0]
        chosen[number] = cast("dict[str, Any]", found.to_dict())
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
