"""The readable truth: every loop over time, written step by step in plain torch."""

from __future__ import annotations

from ..loop import Loop
from .filters import normalize, scan
from .recurrence import recur, recurrence
from .unrolled import unroll

__all__ = ["normalize", "recur", "recurrence", "refusal", "scan", "unroll"]


def refusal(loop: Loop, traced: bool) -> str | None:
    """Return None: these run everywhere."""
    return None
