"""What somebody wishes of a search at work: that a trial end early, or that it use more. No Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ...ledger.format import EXTEND, PRUNE
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
        self._extension: Mapping[str, Any] = {}

    def prune(self, number: int) -> bool:
        """Whether trial `number` is to end, pruned, with what it has reported."""
        self._look()
        return f"{PRUNE}{number}" in self._pruned

    def extension(self) -> Mapping[str, Any]:
        """Return the new limits that are asked for, each time they are looked for once."""
        self._look()
        asked, self._extension = self._extension, {}
        return asked

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = now
        known = self._study.user_attrs
        self._pruned = {key for key in known if key.startswith(PRUNE) and known[key] is True}
        asked = known.get(EXTEND)
        self._extension = asked if isinstance(asked, Mapping) else {}
