"""A ledger's storage in memory alone, on a clock that is told the time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from .storage import LedgerStorage


class ClockedStorage(InMemoryStorage):
    """Optuna's storage in memory, whose trials begin and end when a clock says.

    Args:
        now: what time it is.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Make a trial that begins now."""
        if template_trial is not None:
            template_trial = copy.copy(template_trial)
            template_trial.datetime_start = self._now()
        return super().create_new_trial(study_id, template_trial)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Change a trial's state; one that is finished by that ends now."""
        changed = super().set_trial_state_values(trial_id, state, values)
        if changed and state.is_finished():
            self._get_trial(trial_id).datetime_complete = self._now()
        return changed


class MemoryStorage(LedgerStorage):
    """A ledger's storage that nothing outlives.

    Args:
        now: what time it is.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.url = "memory"
        self.file = None
        self.optuna = ClockedStorage(now)
