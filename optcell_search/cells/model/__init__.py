"""The model around a cell: what comes before the recurrence, between its layers, and after it."""

from __future__ import annotations

from .ensemble import Averaged, Ensemble, average
from .sequence import SequenceModel
from .state import ModelState, detached

__all__ = ["Averaged", "Ensemble", "ModelState", "SequenceModel", "average", "detached"]
