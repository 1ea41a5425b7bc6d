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
        """Return the user attributes under which a candidate is stored, the key last.

        Where they are written one by one it says that all are there.
        """
        key = candidate.key
        seeds = [trial_seed(run_seed, key, repeat) for repeat in range(trainings)]
        several = {"seeds": seeds} if len(seeds) > 1 else {}
        known = {"candidate": candidate.to_dict(), "seed": seeds[0], "repeat": 0}
        return {**known, **several, "key": key}

    @staticmethod
    def is_whole(attributes: Mapping[str, Any], trainings: int) -> bool:
        """Whether these user attributes are all that `attributes` gives.

        Of a user's trial an older version wrote the key before the seeds, and may have been killed
        in between.
        """
        needed = {"key", "seed"} | ({"seeds"} if trainings > 1 else set())
        return needed <= attributes.keys()

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
