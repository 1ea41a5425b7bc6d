"""The ledger as tables, and which of its rows are best. Reads pandas and Optuna, never Ray."""

from __future__ import annotations

from ..ledger.reading import load, locate
from ..ledger.trial import Row, of_trial
from .ranking import (
    best,
    eligible,
    front_mask,
    hypervolume,
    knee,
    pareto,
    ranks,
)
from .tables import (
    BASELINE,
    Direction,
    curves,
    finalized,
    finalized_of,
    frame,
    gradients,
    objectives,
    objectives_of,
    table,
)

__all__ = [
    "BASELINE",
    "Direction",
    "Row",
    "best",
    "curves",
    "eligible",
    "finalized",
    "finalized_of",
    "frame",
    "front_mask",
    "gradients",
    "hypervolume",
    "knee",
    "load",
    "locate",
    "objectives",
    "objectives_of",
    "of_trial",
    "pareto",
    "ranks",
    "table",
]
