"""Scores of the trials that were trained again and tested, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import words
from .data import Data, describe, records


@dataclass(frozen=True)
class Score:
    """Mean and spread (standard deviation of the sample; None: of one value) over the seeds."""

    mean: float
    spread: float | None


@dataclass(frozen=True)
class FinalRow:
    """Scores of a re-trained trial: split, as `results.finalized` → label of the metric → score."""

    number: int
    description: str
    seeds: int
    epochs: int
    scores: dict[str, dict[str, Score]]


def final_rows(data: Data) -> tuple[FinalRow, ...]:
    """Return the finalized trials, test scores apart from validation scores and baselines.

    The best in the first objective by the fresh seeds' validation is the first: by what is left
    once nobody chooses by it, and before the test split has its say. Those that were trained on
    validation data, too, come in the order of the search.
    """
    trials = {row["number"]: row for row in records(data.table)} if len(data.finalized) else {}
    rows = []
    for number, group in data.finalized.groupby("number", sort=True):
        scores: dict[str, dict[str, Score]] = {}
        for entry in records(group):
            if not math.isfinite(entry["mean"]):
                continue  # Not defined on this split.
            label = words.plain_metric(str(entry["metric"]))
            spread = float(entry["std"])
            score = Score(float(entry["mean"]), None if math.isnan(spread) else spread)
            scores.setdefault(str(entry["split"]), {})[label] = score
        rows.append(
            FinalRow(
                number=int(group["number"].iloc[0]),
                description=describe(trials[number]).partition("; ")[0],
                seeds=int(group["seeds"].max()),
                epochs=int(group["epochs"].max()),
                scores=scores,
            )
        )
    searched = {number: place for place, number in enumerate(data.best_first["number"])}
    label = words.plain_metric(data.first)
    sign = -1.0 if data.objectives[data.first] == "maximize" else 1.0

    def place(row: FinalRow) -> tuple[bool, float, float, int]:
        score = row.scores.get("validation", {}).get(label)
        behind = searched.get(row.number, math.inf)
        return score is None, sign * score.mean if score else 0.0, behind, row.number

    return tuple(sorted(rows, key=place))
