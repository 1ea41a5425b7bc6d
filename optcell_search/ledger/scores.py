"""What training again and testing came to, seed by seed, and how it stands in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What is known of a trial that has not been finalized.
NO_RECORD: Mapping[str, Any] = {
    "seeds": [], "validation": {}, "test": {}, "failed": {}, "epochs": 0
}  # fmt: skip


@dataclass(frozen=True)
class Score:
    """What one seed came to: metrics on both splits, or why there are none."""

    validation: dict[str, float]
    test: dict[str, float]
    reason: str = ""


@dataclass
class Record:
    """Scores by seed.

    Attributes:
        seeds: those asked for last.
        scores: of every seed that has been done.
        epochs: the budget of each.
    """

    seeds: list[int]
    scores: dict[int, Score]
    epochs: int

    @classmethod
    def read(cls, known: Mapping[str, Any], epochs: int) -> Record:
        """Return what `to_dict` gave, or an empty record where the budget was another one."""
        if known.get("epochs") != epochs:
            return cls([], {}, epochs)
        scores = {
            seed: Score(_entry(known["validation"], i), _entry(known["test"], i))
            for i, seed in enumerate(known["seeds"])
        }
        return cls([], scores, epochs)

    def to_dict(self) -> dict[str, Any]:
        """Return the scores of the seeds asked for as plain data: lists over the good seeds."""
        known = {seed: self.scores[seed] for seed in self.seeds if seed in self.scores}
        good = {seed: score for seed, score in known.items() if not score.reason}
        return {
            "seeds": list(good),
            "validation": _columns([score.validation for score in good.values()]),
            "test": _columns([score.test for score in good.values()]),
            "failed": {str(seed): score.reason for seed, score in known.items() if score.reason},
            "epochs": self.epochs,
        }


def _entry(columns: dict[str, list[float]], index: int) -> dict[str, float]:
    return {name: values[index] for name, values in columns.items()}


def _columns(scores: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [score[name] for score in scores] for name in (scores[0] if scores else {})}
