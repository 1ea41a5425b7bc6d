"""How many trials of a ledger are in each state."""

from __future__ import annotations

from collections import Counter

from optuna.trial import TrialState


class TrialCounts(Counter[TrialState]):
    """A count for each of Optuna's states."""

    def move(self, old: TrialState | None, new: TrialState) -> None:
        """Take a trial out of one state, None where it is new, and into another."""
        if old is not None:
            self[old] -= 1
        self[new] += 1

    def missing(self, asked: int) -> int:
        """Return how many of `asked` trials have not begun, those that wait among them.

        Args:
            asked: for how many; 0: for no number, so that there is always one more.
        """
        begun = self.total()
        return max(0, (asked or begun + 1) - begun) + self[TrialState.WAITING]
