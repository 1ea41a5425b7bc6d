"""What training again and testing came to, seed by seed, and how it stands in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..format import ENSEMBLE, GIVEN, OTHERS, REFIT, TOGETHER, finalized_in

if TYPE_CHECKING:
    import optuna

# What is known of a trial that has not been finalized.
NO_RECORD: Mapping[str, Any] = {
    "seeds": [], "validation": {}, "test": {}, "failed": {}, "epochs": 0
}  # fmt: skip


def finalized(study: optuna.Study, number: int) -> dict[str, Any]:
    """Return what `finalize` wrote about a trial, an empty record where it did not."""
    return dict(finalized_in(study.user_attrs).get(number, NO_RECORD))


def parted(
    known: Mapping[str, Any], epochs: int, *, refit: bool
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return what is stored of a trial that was trained so, and what else is stored beside it.

    Whoever asks for other epochs, or for a refit, judges another training: it neither adds to what
    was tested before nor takes its place.

    Args:
        known: as `finalized` returns it.
        epochs, refit: as in `Record`.
    """
    last = {name: value for name, value in known.items() if name != OTHERS}
    each = [one for one in (last, *known.get(OTHERS, ())) if one["epochs"]]
    alike = [one for one in each if (one["epochs"], one.get(REFIT, False)) == (epochs, refit)]
    others = [one for one in each if one not in alike]
    return alike[0] if alike else NO_RECORD, {OTHERS: others} if others else {}


@dataclass(frozen=True)
class Score:
    """What one seed came to: metrics on both splits, or why there are none."""

    validation: dict[str, float]
    test: dict[str, float]
    reason: str = ""
    # What `tasks.LoadedTask.diagnose` tells of the test split: confusion matrix or residuals.
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    # The seeds that were trained side by side with it, itself among them.
    together: tuple[int, ...] = ()


@dataclass
class Record:
    """Scores by seed.

    Attributes:
        seeds: those asked for last.
        scores: of every seed that has been done.
        epochs: the budget of each.
        refit: whether they were trained on training and validation data together.
        given: whether the user said the budget; else it follows from the search.
        ensemble: the record of the seeds as one, with one score a metric; empty: there is none.
    """

    seeds: list[int]
    scores: dict[int, Score]
    epochs: int
    refit: bool = False
    given: bool = False
    ensemble: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(
        cls, known: Mapping[str, Any], epochs: int, *, refit: bool = False, given: bool = False
    ) -> Record:
        """Return the record of what `to_dict` gave of trainings alike, as `parted` finds it."""
        scores = {
            seed: Score(
                _entry(known["validation"], i),
                _entry(known["test"], i),
                diagnosis=diagnosis,
                together=side_by_side(known, seed),
            )
            for i, (seed, diagnosis) in enumerate(zip(known["seeds"], _told(known), strict=True))
        }
        return cls([], scores, epochs, refit, given, known.get(ENSEMBLE, {}))

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
            **({REFIT: True} if self.refit else {}),
            **({GIVEN: True} if self.given else {}),
            **({ENSEMBLE: self.ensemble} if self.ensemble.get("members") == self.seeds else {}),
            **_groups(list(good.values())),
            **_diagnoses(list(good.values())),
        }


def side_by_side(known: Mapping[str, Any], seed: int) -> tuple[int, ...]:
    """Return the seeds that a finalized seed was trained with, itself among them."""
    # A record of seeds that were trained one after the other tells of no groups.
    groups: Sequence[Sequence[int]] = known.get(TOGETHER, [])
    return next((tuple(group) for group in groups if seed in group), (seed,))


def _groups(scores: Sequence[Score]) -> dict[str, Any]:
    several = dict.fromkeys(score.together for score in scores if len(score.together) > 1)
    return {TOGETHER: [list(group) for group in several]} if several else {}


def _told(known: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a record tells of each seed; those of 0.1 tell nothing."""
    return known.get("diagnoses") or [{}] * len(known["seeds"])


def _diagnoses(scores: list[Score]) -> dict[str, Any]:
    """Return what is told of every seed, and of all together.

    Confusion matrices add up; of the worst answers those of the seed with the least validation loss
    stand for all, or of the first where they were trained on validation data, too.
    """
    each = [score.diagnosis for score in scores]
    if not each or not all(each):
        return {}
    best = min(scores, key=lambda score: score.validation.get("loss", 0.0))
    whole = dict(best.diagnosis if "worst" in best.diagnosis else each[0])
    if whole["kind"] == "confusion":
        whole["matrix"] = np.sum([one["matrix"] for one in each], axis=0).tolist()
    return {"diagnoses": [dict(one) for one in each], "diagnosis": whole}


def _entry(columns: dict[str, list[float]], index: int) -> dict[str, float]:
    return {name: values[index] for name, values in columns.items()}


def _columns(scores: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [score[name] for score in scores] for name in (scores[0] if scores else {})}
