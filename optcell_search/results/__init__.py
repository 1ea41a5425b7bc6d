"""The ledger as tables, and which of its rows are best. Reads pandas and Optuna, never Ray."""

from __future__ import annotations

from .ranking import best, eligible, front_mask, hypervolume, knee, pareto
from .tables import Direction, curves, finalized, frame, load, objectives

__all__ = [
    "Direction",
    "best",
    "curves",
    "eligible",
    "finalized",
    "frame",
    "front_mask",
    "hypervolume",
    "knee",
    "load",
    "objectives",
    "pareto",
]
