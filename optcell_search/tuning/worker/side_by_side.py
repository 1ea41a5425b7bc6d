"""The trainings of one trial, taken side by side where it pays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optcell_search.training import DivergedError, Population, Training
from optcell_search.training.population.paying import paying


class SideBySide:
    """Trains the folds and repeats of a trial, which are of one form.

    Args:
        trainings: of one candidate.
        most: how many to take side by side; 0: as many as pays.

    Attributes:
        size: how many are taken side by side at most.
        company: how many took the steps of the last epoch at once, the largest such number; fewer
            than `size` where some train no more, and 1 where they cannot be taken side by side.
    """

    def __init__(self, trainings: Sequence[Training], most: int) -> None:
        first = trainings[0]
        self.size = min(most or paying(first.candidate, first.task), len(trainings))
        self.company = 1
        self._trainings = list(trainings)
        self._populations: list[Population] = []

    def epoch(self) -> list[dict[str, float]]:
        """Train one epoch of each; return what each came to.

        Raises:
            DivergedError: one of them cannot be continued.
        """
        if self.size == 1:
            return [training.epoch() for training in self._trainings]
        if not self._populations:
            # Not before the trainings are what they were when they were interrupted.
            self._populations = list(self._made())
        self.company = max(max(one.companies) for one in self._populations)
        found: list[dict[str, float]] = []
        for population in self._populations:
            for outcome in population.epoch():
                if isinstance(outcome, DivergedError):
                    raise outcome
                found.append(outcome)
        return found

    def _made(self) -> Iterator[Population]:
        for start in range(0, len(self._trainings), self.size):
            population = Population(self.size)
            for training in self._trainings[start : start + self.size]:
                population.add(training)
            yield population
