"""What the candidates of a table score, as arrays: the base of all that is found in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optcell_search.space import Candidate
from optcell_search.table import Table

Array = npt.NDArray[np.float64]
METRIC = "accuracy"


class Scores:
    """Accuracies and losses of a table.

    What diverged has an accuracy of 0 and an infinite loss from then on, which is the worst.

    Where accuracies are the same, as they often are of few validation sequences, the lower
    validation loss is the better. It is not the measure itself: the loss of a network that is
    surer than it should be rises while its answers stay right, and searches go by accuracy.

    Args:
        table: whose they are.

    Attributes:
        table: the same.
        accuracy: (candidates, seeds, epochs) on validation.
        loss: likewise.
        test: (candidates, seeds), accuracy on the test split after the last epoch.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        shape = len(table.candidates), len(table.seeds), table.epochs
        self.accuracy: Array = np.zeros(shape)
        self.loss: Array = np.full(shape, np.inf)
        self.test: Array = np.zeros(shape[:2])
        for i, candidate in enumerate(table.candidates):
            for j, seed in enumerate(table.seeds):
                row = table.rows.index[candidate.key, seed]
                for epoch in range(table.rows.epochs(row)):
                    found = table.rows.at("validation", row, epoch + 1)
                    self.accuracy[i, j, epoch] = found[METRIC]
                    self.loss[i, j, epoch] = found["loss"]
                self.test[i, j] = np.nan_to_num(table.test(candidate, seed)[METRIC])

    def numbers(self, **wanted: Any) -> list[int]:
        """Return the numbers of the candidates whose attributes are these."""
        return [
            i
            for i, candidate in enumerate(self.table.candidates)
            if all(getattr(candidate, name) == value for name, value in wanted.items())
        ]

    def best(self, numbers: list[int]) -> int:
        """Return which of these candidates has the best mean on validation after the last epoch."""
        accuracy, loss = self.accuracy[:, :, -1].mean(axis=1), self.loss[:, :, -1].mean(axis=1)
        return max(numbers, key=lambda i: (accuracy[i], -loss[i]))


def without_ties(accuracy: Array, loss: Array) -> Array:
    """Return ranks by accuracy, then by loss; 0 is the worst."""
    ranks = np.empty(len(accuracy))
    ranks[np.lexsort((-loss, accuracy))] = np.arange(len(accuracy))
    return ranks


def surroundings(candidate: Candidate) -> tuple[Any, ...]:
    """Return all that a candidate has in common with the plain cell it is compared with."""
    return candidate.cell, candidate.cell_options, candidate.model, candidate.training
