"""A row of the ledger that has no result yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    """A candidate that is in training or about to be.

    Attributes:
        number: of the row.
        candidate: as plain data.
        key: of the candidate.
        seeds: one for each repeat.
        epochs: those that have been reported.
        gpus: the share of a GPU it turned out to need, None for that of the run.
    """

    number: int
    candidate: dict[str, Any]
    key: str
    seeds: tuple[int, ...]
    epochs: set[int] = field(default_factory=set)
    gpus: float | None = None

    @classmethod
    def read(cls, number: int, known: Mapping[str, Any]) -> Row:
        """Return the row with the user attributes `known`."""
        return cls(
            number,
            known["candidate"],
            known["key"],
            tuple(known.get("seeds", [known["seed"]])),
            {int(key.partition(":")[2]) for key in known if key.startswith("epoch:")},
            known.get("gpus"),
        )
