"""Noticing early that no candidate of a search will ever train."""

from __future__ import annotations

from ...ledger.trials.reasons import kind

# Where half of a space diverges, eight in a row do so once in 256 searches.
LIMIT = 8


class FirstFailures:
    """Whether the first trials of a search have all failed in the same way.

    Args:
        lucky: some trial has trained before, so that others may.
    """

    def __init__(self, lucky: bool) -> None:
        self._lucky = lucky
        self._reasons: list[str] = []

    def note(self, reason: str) -> None:
        """Take in how a trial ended: why it failed, or an empty text."""
        self._lucky = self._lucky or not reason
        self._reasons.append(reason)

    @property
    def verdict(self) -> str:
        """Why it makes no sense to go on, in words; empty while it may."""
        alike = len({kind(reason) for reason in self._reasons}) == 1
        if self._lucky or len(self._reasons) < LIMIT or not alike:
            return ""
        count, reason = len(self._reasons), self._reasons[0]
        return f"the first {count} candidates all failed in the same way: {reason}"
