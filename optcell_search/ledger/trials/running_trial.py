"""A trial that has no result yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optcell_search.space import Candidate, trial_seed

from ..format import epochs_in


@dataclass
class RunningTrial:
    """A candidate that is in training or about to be.

    Attributes:
        number: of the trial.
        candidate: what is trained.
        key: of the candidate, as it was stored.
        seeds: one for each training, fold by fold of each repeat.
        epochs: those that have been reported.
        gpus: the share of a GPU it turned out to need, None for that of the run.
    """

    number: int
    candidate: Candidate
    key: str
    seeds: tuple[int, ...]
    epochs: set[int] = field(default_factory=set)
    gpus: float | None = None

    @staticmethod
    def attributes(candidate: Candidate, run_seed: int, trainings: int) -> dict[str, Any]:
        """Return the user attributes under which a candidate is stored."""
        key = candidate.key
        seeds = [trial_seed(run_seed, key, repeat) for repeat in range(trainings)]
        known = {"candidate": candidate.to_dict(), "key": key, "seed": seeds[0], "repeat": 0}
        return known | ({"seeds": seeds} if len(seeds) > 1 else {})

    @classmethod
    def read(
        cls, number: int, attributes: Mapping[str, Any], candidate: Candidate | None = None
    ) -> RunningTrial:
        """Return the trial with these user attributes, and with the candidate that they describe.

        The candidate is read from them where it is not given.
        """
        return cls(
            number,
            candidate or Candidate.from_dict(attributes["candidate"]),
            attributes["key"],
            tuple(attributes.get("seeds", [attributes["seed"]])),
            set(epochs_in(attributes)),
            attributes.get("gpus"),
        )
