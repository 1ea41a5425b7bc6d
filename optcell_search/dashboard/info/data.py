"""A run as the views take it, and how its rows are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, cast

import pandas as pd

from ... import results
from ...ledger.notes import Remark
from ...results import Direction
from ...space import Model
from .. import words

# Values that span more than this factor are shown on a logarithmic axis.
_LOG_SPAN = 20.0

_SIZE = ("hidden_size", "num_layers")


@dataclass(frozen=True)
class Data:
    """A run as read at one moment."""

    table: pd.DataFrame
    finalized: pd.DataFrame
    objectives: dict[str, Direction]
    request: dict[str, Any]
    # Trial → distance from the last step → norm of the gradient, where it was measured.
    gradients: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    # What is said of the run.
    remark: Remark = field(default_factory=Remark)
    # Trial → what kinds of mistakes it makes on the test split, where `finalize` found out.
    diagnoses: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    # "search", "validation" or "test" → metric → score of answering without any input.
    chance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    # Trial → scores in the first objective by fold, where there were folds.
    folds: Mapping[int, Sequence[float]] = field(default_factory=dict)
    # What came of a warm start, where there was one.
    warm_start: results.WarmStart | None = None
    # Seconds of searching so far, and why the search ended where a limit or the space did it.
    searched: float = 0.0
    ended: str = ""

    @cached_property
    def eligible(self) -> pd.DataFrame:
        """The rows that may be ranked."""
        return results.eligible(self.table, self.objectives)

    @cached_property
    def stopped(self) -> pd.DataFrame:
        """The rows that were stopped early, but may be ranked otherwise; with a first objective."""
        rows = self.table[self.fell_behind & self.table["duplicate_of"].isna()]
        if "feasible" in rows:
            rows = rows[rows["feasible"].to_numpy(dtype=bool)]
        return rows[rows[self.first].notna()]

    @cached_property
    def fell_behind(self) -> pd.Series[bool]:
        """Which rows were stopped early by a scheduler.

        Those that ended with the search, or by hand, have a reason: they ended wherever they were,
        which tells nothing of how good they are.
        """
        return (self.table["state"] == "PRUNED") & ~self.ended_early

    @cached_property
    def ended_early(self) -> pd.Series[bool]:
        """Which rows ended before they were through with the search, or by hand."""
        early = self.table["state"].isin(["PRUNED", "COMPLETE"])
        return early & self.table["reason"].fillna("").astype(bool)

    @cached_property
    def front(self) -> tuple[int, ...]:
        """Numbers of the rows that no other row dominates, best first objective first."""
        front = results.pareto(self.ranking, self.objectives)
        return tuple(int(number) for number in front["number"])

    @property
    def first(self) -> str:
        """The most important objective."""
        return next(iter(self.objectives))

    @property
    def trainings(self) -> int:
        """How often each candidate was trained: the values behind a mean and its spread."""
        return results.trainings_of(self.request)

    @cached_property
    def gain(self) -> results.Gain | None:
        """What the best trial has over the plain cell; None where there is nothing to compare."""
        trained = results.is_trained(self.request)
        return results.gain(
            self.table,
            self.finalized,
            self.objectives,
            self.trainings,
            trained=trained,
            folds=self.folds,
        )

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """The columns of the table that decide over ranks: of many rows, to sort all takes long."""
        names = [*self.objectives, *(f"{name}_std" for name in self.objectives)]
        names += ["number", "state", "reason", "key", "duplicate_of", "feasible", "parameters"]
        return self.table[[name for name in dict.fromkeys(names) if name in self.table]]

    def best(self, which: str) -> int:
        """Return the number of the best row; see `results.best`, which says what `which` is."""
        return int(results.best(self.ranking, self.objectives, which)["number"])

    @cached_property
    def best_first(self) -> pd.DataFrame:
        """The rows that may be ranked, the best in the first objective at the top."""
        order = results.best_first(self.ranking, self.objectives).index
        rows: pd.DataFrame = self.table.loc[order]
        return rows


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
    size = words.options(_told(_chosen(settings(row, "model"))))
    training = settings(row, "training")
    trained = f"{training['optimizer']}, lr {words.number(training['lr'])}"
    driven = f"{row['rule']} ({rule})" if rule else row["rule"]
    return "; ".join(part for part in (f"{row['cell']} × {driven}", cell, size, trained) if part)


def _chosen(model: dict[str, Any]) -> dict[str, Any]:
    """Leave out what stands around the cell as it does unasked: front, norm, read-out."""
    usual = asdict(Model())
    return {key: value for key, value in model.items() if key in _SIZE or value != usual.get(key)}


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is switched off, and ε, which only keeps a root away from 0."""
    return {key: value for key, value in values.items() if key != "eps" and value not in (0, False)}


@dataclass(frozen=True)
class Axis:
    """What an axis carries, and whether it is logarithmic."""

    name: str
    label: str
    log: bool = False


def axis(name: str, values: pd.Series[Any], label: str = "") -> Axis:
    """Return the axis of a column: logarithmic where its values span orders of magnitude."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return Axis(name, label or words.axis(name), low > 0 and high > _LOG_SPAN * low)
