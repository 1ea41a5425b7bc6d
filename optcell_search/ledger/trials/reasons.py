"""Why a trial failed, in words to group by; and what a whole run breaks off with."""

from __future__ import annotations

import re

DIVERGED = "diverged"
OUT_OF_MEMORY = "out of memory"
WORKER_DIED = "worker died"
TOO_SLOW = "too slow"
GIVEN_UP = "given up"


def unexpected(error: Exception) -> str:
    """Return the reason for an exception that nobody foresaw: ``error: TypeError: …``."""
    first = (str(error).splitlines() or [""])[0]
    return f"error: {type(error).__name__}: {first}".rstrip(": ")


def kind(reason: str) -> str:
    """Return a reason without its numbers, which differ from candidate to candidate."""
    return re.sub(r"\d+", "#", reason)


class RunBrokenError(RuntimeError):
    """Ray, the disk or the database gave out in mid-run; the ledger can be resumed."""


class RunFailedError(RuntimeError):
    """A search ended without a single trained candidate; the message counts the reasons."""
