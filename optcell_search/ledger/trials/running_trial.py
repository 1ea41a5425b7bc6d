"""A trial that has no result yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optcell_search.space import Candidate

from ..format import epochs_in


@dataclass
class RunningTrial:
    """A candidate that is in training or about to be.

    Attributes:
        number: of the trial.
        candidate: what is trained.
        key: of the candidate, as it was stored.
        seeds: one for each repeat.
        epochs: those that have been reported.
        gpus: the share of a GPU it turned out to need, None for that of the run.
    """

    number: int
    candidate: Candidate
    key: str
    seeds: tuple[int, ...]
    epochs: set[int] = field(default_factory=set)
    gpus: float | None = None

    @classmethod
    def read(cls, number: int, attributes: Mapping[str, Any]) -> RunningTrial:
        """Return the trial with these user attributes."""
        return cls(
            number,
            Candidate.from_dict(attributes["candidate"]),
            attributes["key"],
            tuple(attributes.get("seeds", [attributes["seed"]])),
            set(epochs_in(attributes)),
            attributes.get("gpus"),
        )
