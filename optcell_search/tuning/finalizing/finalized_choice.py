"""Which of a trial's finalized seeds an export takes the weights of: one, or all as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...ledger.format import ENSEMBLE
from ...pareto import Direction


@dataclass(frozen=True)
class FinalizedSeed:
    """One seed of a finalized trial.

    Attributes:
        trial: its number.
        seed: the seed.
        place: which of the trial's finalized seeds it is, counted from 1.
        seeds: how many there are.
        metric: what it was chosen by on the validation split; empty: it was asked for.
        validation: its scores there.
    """

    trial: int
    seed: int
    place: int
    seeds: int
    metric: str
    validation: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return what an exported package says of the origin of its weights."""
        return {
            "of": "finalize",
            "trial": self.trial,
            "seed": self.seed,
            "place": self.place,
            "seeds": self.seeds,
            "chosen_by": self.metric,
        }


@dataclass(frozen=True)
class FinalizedEnsemble:
    """All seeds of a finalized trial as one, their answers averaged.

    Attributes:
        trial: its number.
        seeds: of the members.
        scores: split → metric → value; there is no validation where it was trained on.
    """

    trial: int
    seeds: tuple[int, ...]
    scores: Mapping[str, Mapping[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return what an exported package says of the origin of its weights."""
        return {"of": "ensemble", "trial": self.trial, "seeds": list(self.seeds)}


def choose_ensemble(number: int, record: Mapping[str, Any], where: str) -> FinalizedEnsemble:
    """Return the ensemble that `finalize` has tested.

    Args:
        number: of the trial.
        record: what `finalize` wrote about it.
        where: the run, for messages.

    Raises:
        ValueError: there is none.
    """
    known = record.get(ENSEMBLE)
    if known is None:
        raise ValueError(
            f"{where}: trial {number} has no ensemble; valid once `finalize --ensemble` has "
            "tested one"
        )
    scores = {
        split: {name: value for name, (value,) in known[split].items()}
        for split in ("validation", "test")
        if known[split]
    }
    return FinalizedEnsemble(number, tuple(known["members"]), scores)


def choose_seed(
    number: int,
    record: Mapping[str, Any],
    metrics: Mapping[str, Direction],
    place: int | None,
    where: str,
) -> FinalizedSeed | None:
    """Return the seed that does best on the validation split; None: the trial is not finalized.

    Where all were trained on that, too, it is the first.

    Args:
        number: of the trial.
        record: what `finalize` wrote about it.
        metrics: what to judge by, the first that is scored; metric → direction.
        place: take this seed, counted from 1, instead of the best.
        where: the run, for messages.

    Raises:
        ValueError: there is no such seed.
    """
    seeds, scores = record["seeds"], record.get("validation", {})
    if place is not None and not 1 <= place <= len(seeds):
        valid = f"1 to {len(seeds)}" if seeds else "none before `finalize`"
        raise ValueError(f"{where}: trial {number} has no finalized seed {place}; valid: {valid}")
    if not seeds:
        return None
    metric = next((name for name in metrics if name in scores), "")
    if place is None and not metric:
        # Trained on validation data, too: nothing tells its seeds apart but the test.
        index = 0
    elif place is None:
        sign = -1 if metrics[metric] == "maximize" else 1
        index = min(range(len(seeds)), key=lambda i: sign * scores[metric][i])
    else:
        index, metric = place - 1, ""
    validation = {name: values[index] for name, values in scores.items()}
    return FinalizedSeed(number, seeds[index], index + 1, len(seeds), metric, validation)
