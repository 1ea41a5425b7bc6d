"""The model around a cell: what comes before the recurrence, between its layers, and after it."""

from __future__ import annotations

from .sequence import SequenceModel
from .state import ModelState, detached

__all__ = ["ModelState", "SequenceModel", "detached"]
