"""Which checkpoints stay in the run folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optcell_search import results

from .checkpoints import TRAINING, WEIGHTS


class Keeper:
    """Keeps the checkpoints of the Pareto set, within a number of bytes, and of what is running.

    Args:
        folder: ``checkpoints`` of the run.
        directions: one an objective.
        limit: bytes for the weights of the Pareto set.
    """

    def __init__(self, folder: Path, directions: Sequence[results.Direction], limit: int) -> None:
        self.folder = folder
        self._directions = list(directions)
        self._limit = limit
        self._numbers: list[int] = []
        self._values: list[Sequence[float]] = []

    @property
    def front(self) -> list[int]:
        """Rows of the Pareto set, the best in the first objective first."""
        sign = 1 if self._directions and self._directions[0] == "minimize" else -1
        order = np.argsort([sign * values[0] for values in self._values], kind="stable")
        return [self._numbers[i] for i in order]

    def add(self, number: int, values: Sequence[float]) -> None:
        """Take in a completed row and drop what it makes superfluous."""
        (self.folder / str(number) / TRAINING).unlink(missing_ok=True)
        numbers, points = [*self._numbers, number], [*self._values, values]
        kept = results.front_mask(points, self._directions)
        self._numbers = [n for n, keep in zip(numbers, kept, strict=True) if keep]
        self._values = [v for v, keep in zip(points, kept, strict=True) if keep]
        for dominated in set(numbers) - set(self._numbers):
            self.drop(dominated)
        self._fit()

    def drop(self, number: int) -> None:
        """Delete the checkpoints of a row."""
        shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def _fit(self) -> None:
        """Delete weights from the worse end of the front until the rest fits."""
        room = self._limit
        for number in self.front:
            path = self.folder / str(number) / WEIGHTS
            size = path.stat().st_size if path.is_file() else 0
            if size > room:
                self.drop(number)
            else:
                room -= size
