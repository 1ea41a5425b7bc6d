"""What somebody wishes of a search while it goes on: that a trial end early. No Ray."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...ledger.format import PRUNE
from ...ledger.ledger import Ledger

_SECONDS_BETWEEN_LOOKS = 1.0


class Wishes:
    """Wishes that others have written into the study, looked for at most once a second.

    Args:
        ledger: of the run.
        clock: seconds that go by.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._study = ledger.study
        self._clock = clock
        self._looked = -_SECONDS_BETWEEN_LOOKS
        self._pruned: set[str] = set()

    def prune(self, number: int) -> bool:
        """Whether trial `number` is to end, pruned, with what it has reported."""
        now = self._clock()
        if now - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            known = self._study.user_attrs
            self._pruned = {key for key in known if key.startswith(PRUNE) and known[key] is True}
        return f"{PRUNE}{number}" in self._pruned
