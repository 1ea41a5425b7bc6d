"""Rule by cell: the best and the median of each pair, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from .data import Data


@dataclass(frozen=True)
class Pair:
    """One rule with one cell.

    Attributes:
        best, median: of the first objective; None where every trial was stopped early.
        number: of the best trial, None likewise.
        count: of ranked trials.
        stopped: how many more were stopped early.
        share: from 0 for the worst of all bests to 1 for the best one, for the shade.
    """

    rule: str
    cell: str
    best: float | None
    median: float | None
    number: int | None
    count: int
    stopped: int
    share: float


@dataclass(frozen=True)
class RuleMap:
    """Names in the order of rows and columns, and the pairs that have ranked trials."""

    rules: tuple[str, ...]
    cells: tuple[str, ...]
    pairs: tuple[Pair, ...]


def rule_map(data: Data) -> RuleMap:
    """Return best and median of the first objective for each rule and cell."""
    rows = data.best_first[["rule", "cell", "number", data.first]]
    grouped = {
        (str(rule), str(cell)): group
        for (rule, cell), group in rows.groupby(["rule", "cell"], sort=True)
    }
    stopped = {
        (str(rule), str(cell)): len(group)
        for (rule, cell), group in data.stopped[["rule", "cell"]].groupby(
            ["rule", "cell"], sort=True
        )
    }
    bests = {pair: float(group[data.first].iloc[0]) for pair, group in grouped.items()}
    low, high = min(bests.values(), default=0.0), max(bests.values(), default=0.0)
    worst, top = (low, high) if data.objectives[data.first] == "maximize" else (high, low)
    pairs = tuple(
        Pair(
            rule=rule,
            cell=cell,
            best=bests[rule, cell],
            median=float(group[data.first].median()),
            number=int(group["number"].iloc[0]),
            count=len(group),
            stopped=stopped.get((rule, cell), 0),
            share=(bests[rule, cell] - worst) / (top - worst) if top != worst else 0.0,
        )
        for (rule, cell), group in grouped.items()
    )
    pairs += tuple(
        Pair(rule, cell, None, None, None, 0, amount, 0.0)
        for (rule, cell), amount in stopped.items()
        if (rule, cell) not in grouped
    )
    return RuleMap(
        tuple(sorted({pair.rule for pair in pairs})),
        tuple(sorted({pair.cell for pair in pairs})),
        pairs,
    )
