"""The seeds of a finalized trial as one: their answers averaged, tested beside single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import examine_together


class Together:
    """Collects what each seed answers on the validation and the test split.

    Args:
        task: the task; its test split is read when the last seed has answered.
        seeds: all that belong to the ensemble.
        epochs: that each was trained.
    """

    def __init__(self, task: LoadedTask, seeds: Sequence[int], epochs: int) -> None:
        self._task = task
        self._seeds = list(seeds)
        self._epochs = epochs
        self._answers: dict[int, Mapping[str, Sequence[Tensor]]] = {}

    def take(self, seed: int, outputs: Mapping[str, Sequence[Tensor]]) -> dict[str, Any]:
        """Take in the outputs of a seed; return the record of the ensemble once it is complete.

        It is empty before, and stays so where the training of a seed failed.

        Args:
            seed: one of those that belong to it.
            outputs: by split, as `outputs_on` gives them; what was trained on is not among them.
        """
        if outputs:
            self._answers[seed] = outputs
        if self._answers.keys() != set(self._seeds):
            return {}
        validation = "validation" in self._answers[self._seeds[0]]
        return {
            "members": self._seeds,
            "validation": self._scores("validation", self._task.validation) if validation else {},
            "test": self._scores("test", self._task.unseal()),
            "epochs": self._epochs,
        }

    def _scores(self, part: str, split: Split) -> dict[str, list[float]]:
        each = [self._answers[seed][part] for seed in self._seeds]
        scores, _ = examine_together(each, split, self._task)
        return {name: [value] for name, value in scores.items()}
