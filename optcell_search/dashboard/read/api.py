"""Reading through Optuna's own interface: any storage, and the readable twin of `sql`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import optuna

from ...ledger.format import epochs_in
from ...results import TrialRecord, record_of
from .source import Curve


class ApiSource:
    """Reads a study with ``get_trials``."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._finished: set[int] = set()

    def attributes(self) -> dict[str, Any]:
        """Return the study's user attributes."""
        return dict(self._study.user_attrs)

    def changes(self) -> list[TrialRecord]:
        """Return the rows that had not finished at the last call."""
        trials = self._study.get_trials(deepcopy=False)
        rows = [record_of(trial) for trial in trials if trial.number not in self._finished]
        self._finished |= {row.number for row in rows if row.finished}
        return rows

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """Return the learning curves of these trials."""
        trials = self._study.get_trials(deepcopy=False)
        found = {}
        for number in numbers:
            steps = epochs_in(trials[number].user_attrs)
            if steps:
                found[number] = Curve.of(list(steps.items()))
        return found
