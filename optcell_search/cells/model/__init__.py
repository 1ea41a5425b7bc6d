"""The model around a cell: what comes before the recurrence, between its layers, and after it."""

from __future__ import annotations

from .ensemble import Averaged, Ensemble, average
from .relative import Anchor
from .sequence import SequenceModel
from .state import ModelState, detached
from .steps import Entered

__all__ = [
    "Anchor",
    "Averaged",
    "Ensemble",
    "Entered",
    "ModelState",
    "SequenceModel",
    "average",
    "detached",
]
