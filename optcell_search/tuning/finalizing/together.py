"""The seeds of a finalized trial as one: their answers averaged, tested beside single ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from optcell_search.tasks import LoadedTask
from optcell_search.training import examine_together


class Together:
    """Collects what each seed answers on the test split.

    Args:
        task: the task; its test split is read when the last seed has answered.
        seeds: all that belong to the ensemble.
        epochs: that each was trained.
    """

    def __init__(self, task: LoadedTask, seeds: Sequence[int], epochs: int) -> None:
        self._task = task
        self._seeds = list(seeds)
        self._epochs = epochs
        self._answers: dict[int, Sequence[Tensor]] = {}

    def take(self, seed: int, outputs: Sequence[Tensor]) -> dict[str, Any]:
        """Take in the outputs of a seed; return the record of the ensemble once it is complete.

        It is empty before, and stays so where the training of a seed failed.
        """
        if outputs:
            self._answers[seed] = outputs
        if self._answers.keys() != set(self._seeds):
            return {}
        each = [self._answers[seed] for seed in self._seeds]
        test, _ = examine_together(each, self._task.unseal(), self._task)
        return {
            "members": self._seeds,
            "validation": {},
            "test": {name: [value] for name, value in test.items()},
            "epochs": self._epochs,
        }
