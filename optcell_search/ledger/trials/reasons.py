"""Why a trial failed or was cut, in words to group by; and what a whole run breaks off with."""

from __future__ import annotations

import re

DIVERGED = "diverged"
OUT_OF_MEMORY = "out of memory"
WORKER_DIED = "worker died"
TOO_SLOW = "too slow"
GIVEN_UP = "given up"
# Of a trial that somebody had end early, whatever it came to.
BY_HAND = "pruned by hand"
_CUT = "cut: "


def cut(over: str) -> str:
    """Return the reason of a trial that ended because the search did: ``cut: the time is …``."""
    return f"{_CUT}{over}"


def is_cut(reason: str | None) -> bool:
    """Return whether a trial ended because the search did, so that more of it may still come."""
    return (reason or "").startswith(_CUT)


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
