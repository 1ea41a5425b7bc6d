"""The part of a search space that a table holds, as a space that can be searched."""

from __future__ import annotations

from random import Random

from ..space import Candidate, SearchSpace
from ..space.domains import Trial
from .trained import TrainedCandidates


class HeldSpace(SearchSpace):
    """A table's search space without the candidates that the table does not hold.

    A sampler suggests from the whole space, and what it suggests stands for the nearest candidate
    that is held (`TrainedCandidates.nearest`). What the ledger writes down of a trial is that
    candidate, while Optuna's parameters are those that were suggested: the sampler goes by them.

    Args:
        table: the table.
    """

    def __init__(self, table: TrainedCandidates) -> None:
        self._fill_from(table.space)
        object.__setattr__(self, "_table", table)

    def _fill_from(self, space: SearchSpace) -> None:
        for name in ("name", "description", "cells", "rules", "penalties", "domains"):
            object.__setattr__(self, name, getattr(space, name))

    _table: TrainedCandidates

    def suggest(self, trial: Trial) -> Candidate:
        """Return the held candidate that stands for what an Optuna trial chooses."""
        return self._table.stand_in(super().suggest(trial))

    def sample(self, seed: int = 0) -> Candidate:
        """Return a random one of the candidates, all equally likely."""
        return self._table.candidates[Random(seed).randrange(len(self._table.candidates))]

    def plain(self) -> list[Candidate]:
        """Return the plain cells that are held."""
        return [candidate for candidate in super().plain() if candidate in self]

    def grid(self, points: int = 3) -> list[Candidate]:
        """Return all candidates that are held, however many points are asked for.

        They come in the order in which the whole space has them, so that a search of a table that
        holds all goes through them as a real one does.
        """
        return list(self._table.in_grid_order)

    @property
    def size(self) -> int | None:
        """Number of candidates that are held."""
        return len(self._table.candidates)

    def __contains__(self, candidate: object) -> bool:
        return isinstance(candidate, Candidate) and self._table.holds(candidate)
