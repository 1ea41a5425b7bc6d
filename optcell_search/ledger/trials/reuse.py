"""Results that a later trial with the same candidate and seed can take over."""

from __future__ import annotations

from optuna.trial import FrozenTrial, TrialState

from ..format import REASON
from .reasons import DIVERGED, is_cut


class ReusableResults:
    """Trials whose result would come again, by candidate and seed.

    Whether a candidate diverges is decided by its seed, so that stands too; what ran out of memory
    or lost its worker may do better the next time, and so may what ended with the search.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}

    def read(self, trial: FrozenTrial) -> None:
        """Note a stored trial; one that no search made has no result to use again."""
        known = trial.user_attrs
        if "key" in known and "seed" in known:
            reason = known.get(REASON, "")
            self.add(trial.number, known["key"], known["seed"], trial.state, reason)

    def add(self, number: int, key: str, seed: int, state: TrialState, reason: str) -> None:
        """Note a trial, if its result would come again; the first of its kind counts."""
        diverged = state == TrialState.FAIL and reason == DIVERGED
        ended = state in (TrialState.COMPLETE, TrialState.PRUNED) and not is_cut(reason)
        if diverged or ended:
            self._numbers.setdefault((key, seed), number)

    def find(self, key: str, seed: int) -> int | None:
        """Return the number of the trial to take over from, None where there is none."""
        return self._numbers.get((key, seed))
