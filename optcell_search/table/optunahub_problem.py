"""A table as a problem of OptunaHub, for whatever optimizes an Optuna study."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import Trial
from optunahub.benchmarks import BaseProblem

from ..space import Candidate
from .asked import distributions
from .trained import TrainedCandidates


class TableProblem(BaseProblem):
    """What a table's candidates score on validation after their last epoch.

    ``study.optimize(TableProblem("digits"), n_trials=50)`` asks a trial for those hyperparameters
    alone that its cell and rule have, by the names of `Candidate.flat`. What the table does not
    hold is stood for by the nearest candidate that it does (`TrainedCandidates.nearest`).

    Args:
        table: a table, the name of a shipped one, or the path of a Parquet file.
        objectives: metrics of the task, ``parameters``, ``train_seconds`` or ``latency_ms``; None:
            the task's primary metric.
        seed: one of the table's seeds; None: the mean over all of them.

    Attributes:
        table: the table.
        objectives: name → "maximize" or "minimize".

    Raises:
        ValueError: there is no such table, objective or seed.
    """

    def __init__(
        self,
        table: TrainedCandidates | str | Path,
        objectives: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        if isinstance(table, str | Path):
            table = TrainedCandidates.load(table)
        self.table = table
        self.objectives = self.table.directions(objectives)
        self._seeds = self.table.seeds if seed is None else (self.table.known_seed(seed),)

    @property
    def search_space(self) -> dict[str, BaseDistribution]:
        """Every hyperparameter of any candidate; each candidate has some of them."""
        return distributions(self.table.space)

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective."""
        return [StudyDirection[direction.upper()] for direction in self.objectives.values()]

    def __call__(self, trial: Trial) -> float | Sequence[float]:
        """Return what the candidate scores that a trial chooses."""
        return self._scores(self.table.chosen_by(trial))

    def evaluate(self, params: dict[str, Any]) -> float | Sequence[float]:
        """Return what the candidate scores that has these hyperparameters, by dotted name.

        Those that it does not have are not looked at. A training that diverged scores NaN, with
        which Optuna has a trial fail, as a search does.

        Raises:
            ValueError: a hyperparameter is missing, or the space does not hold its value.
        """
        return self._scores(self.table.nearest_to(params))

    def _scores(self, candidate: Candidate) -> float | list[float]:
        rows = self.table.rows
        numbers = [rows.index[candidate.key, seed] for seed in self._seeds]
        if any(rows.failure(number)[0] for number in numbers):
            found = [math.nan] * len(self.objectives)
        else:
            each = [self.table.query(candidate, seed=seed) for seed in self._seeds]
            found = [statistics.fmean(one[name] for one in each) for name in self.objectives]
        return found if len(found) > 1 else found[0]
