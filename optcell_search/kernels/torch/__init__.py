"""The loops in plain torch operators, their backward passes written out: what runs everywhere."""

from __future__ import annotations

from ..loop import NO_HIPPO, Loop
from .delta import delta_chunks
from .filters import (
    normalize_backward,
    normalize_forward,
    scan_backward,
    scan_forward,
)
from .linear_scan import linear_scan_backward, linear_scan_forward
from .recurrence import recurrence_backward, recurrence_forward

__all__ = [
    "delta_chunks", "linear_scan_backward", "linear_scan_forward", "normalize_backward",
    "normalize_forward", "recurrence_backward", "recurrence_forward", "refusal", "scan_backward",
    "scan_forward",
]  # fmt: skip


def refusal(loop: Loop, traced: bool) -> str | None:
    """Say why these cannot run a loop, or None: all they know they run everywhere."""
    return NO_HIPPO if loop.kind == "hippo" else None
