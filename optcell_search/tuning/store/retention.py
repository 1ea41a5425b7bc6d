"""Which checkpoints of a run stay: what can resume, what is finalized, the Pareto set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from optcell_search import results

from ...ledger.request import Request
from .checkpoints import TRAINING, WEIGHTS, location_of
from .file_systems import Location
from .finalized_weights import FOLDER, REFIT_FOLDER

# ``TRIAL/FILE``, and what is left of one whose writer died.
_OWN = re.compile(rf"[0-9]+/({TRAINING}|{WEIGHTS}|\.({TRAINING}|{WEIGHTS})\.[0-9a-f]{{8}})")
_FINALIZED = re.compile(rf"({FOLDER}|{REFIT_FOLDER})/[0-9]+/[0-9]+/{WEIGHTS}")
_FINALIZED_DRAFT = re.compile(
    rf"({FOLDER}|{REFIT_FOLDER})/[0-9]+/[0-9]+/\.{WEIGHTS}\.[0-9a-f]{{8}}"
)


def own_sizes(location: Location) -> dict[str, int]:
    """Return the bytes of the files that workers of a run write; others are nobody's to delete."""
    own = (_OWN, _FINALIZED, _FINALIZED_DRAFT)
    found = location.sizes()
    return {n: size for n, size in found.items() if any(one.fullmatch(n) for one in own)}


class Retention:
    """Keeps all checkpoints of a run within one number of bytes.

    What can resume comes first, for it is worth the time that went into it; workers see to it that
    it does not grow beyond the budget (`Job.checkpoint_bytes`). What `finalize` has trained stays
    as well. The Pareto set has the rest.

    Args:
        location: where the checkpoints are.
        directions: one an objective.
        limit: bytes for everything.
    """

    def __init__(
        self, location: Location, directions: Sequence[results.Direction], limit: int
    ) -> None:
        self.location = location
        self._directions = list(directions)
        self._limit = limit
        self._sizes = own_sizes(location)
        self._numbers: list[int] = []
        self._values: list[Sequence[float]] = []
        self._whole = False  # whether those came to their end

    @classmethod
    def of(cls, request: Request, folder: Path) -> Retention:
        """Return that of the run in a folder."""
        directions = list(request.objectives.values())
        return cls(location_of(request, folder), directions, request.checkpoint_bytes)

    @property
    def front(self) -> list[int]:
        """Trials of the Pareto set, the best in the first objective first."""
        sign = 1 if self._directions and self._directions[0] == "minimize" else -1
        order = np.argsort([sign * values[0] for values in self._values], kind="stable")
        return [self._numbers[i] for i in order]

    @property
    def stored(self) -> int:
        """Bytes of all checkpoints."""
        return sum(self._sizes.values())

    def sweep(self, unfinished: Set[int]) -> None:
        """Delete what a process that died left behind.

        Args:
            unfinished: trials that have no result yet and may resume.
        """
        wanted = {f"{number}/{TRAINING}" for number in unfinished}
        wanted |= {f"{number}/{WEIGHTS}" for number in {*unfinished, *self._numbers}}
        self._sizes = own_sizes(self.location)
        wanted |= {name for name in self._sizes if _FINALIZED.fullmatch(name)}
        for name in self._sizes.keys() - wanted:
            self._delete(name)
        self._fit()

    def wrote(self, number: int, files: Mapping[str, int]) -> None:
        """Take in what a worker has written for a trial: name → bytes."""
        self._sizes.update({f"{number}/{name}": size for name, size in files.items()})
        self._fit()

    def add(self, number: int, values: Sequence[float], *, whole: bool = True) -> None:
        """Take in a completed trial and drop what it makes superfluous.

        Args:
            number: of the trial.
            values: of the objectives.
            whole: whether it came to its end; as in rankings, others count while none has.
        """
        self._delete(f"{number}/{TRAINING}")
        if whole != self._whole:
            for other in self._numbers if whole else [number]:
                self.drop(other)
            if not whole:
                return
            self._numbers, self._values, self._whole = [], [], True
        numbers, points = [*self._numbers, number], [*self._values, values]
        kept = results.front_mask(points, self._directions)
        self._numbers = [n for n, keep in zip(numbers, kept, strict=True) if keep]
        self._values = [v for v, keep in zip(points, kept, strict=True) if keep]
        for dominated in set(numbers) - set(self._numbers):
            self.drop(dominated)
        self._fit()

    def drop(self, number: int) -> None:
        """Delete the checkpoints of a trial."""
        for name in [name for name in self._sizes if name.partition("/")[0] == str(number)]:
            self._delete(name)

    def _delete(self, name: str) -> None:
        if self._sizes.pop(name, None) is not None:
            self.location.delete(name)
            self.location.delete_empty(name.rpartition("/")[0])

    def _fit(self) -> None:
        """Delete weights from the worse end of the front until everything fits."""
        weights = {number: f"{number}/{WEIGHTS}" for number in self.front}
        names = set(weights.values())
        room = self._limit - sum(s for name, s in self._sizes.items() if name not in names)
        for number, name in weights.items():
            size = self._sizes.get(name, 0)
            if size > room:
                self.drop(number)
            else:
                room -= size
