"""The ledger as tables, and which of its trials are best. Reads pandas and Optuna, never Ray."""

from __future__ import annotations

from ..ledger.format import BASELINE
from ..ledger.reading import load, locate
from ..ledger.trial_record import TrialRecord, record_of
from ..pareto import Direction, front_mask, hypervolume, ranks
from .ranking import best, eligible, knee, pareto
from .tables import (
    curves,
    diagnoses_of,
    finalized,
    finalized_of,
    frame,
    gradients,
    objectives,
    objectives_of,
    table,
    with_remarks,
)

__all__ = [
    "BASELINE",
    "Direction",
    "TrialRecord",
    "best",
    "curves",
    "diagnoses_of",
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
    "pareto",
    "ranks",
    "record_of",
    "table",
    "with_remarks",
]
