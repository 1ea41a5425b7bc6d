"""The ledger as tables, and which of its trials are best. Reads pandas and Optuna, never Ray."""

from __future__ import annotations

from ..ledger.format import BASELINE
from ..ledger.reading import load, locate
from ..ledger.trials.trial_record import TrialRecord, record_of
from ..pareto import Direction, front_mask, hypervolume, ranks
from .gain import Gain, folds_of, gain, is_trained, plain_rival, trainings_of
from .no_input import chance
from .ranking import best, best_first, by_fresh_seeds, eligible, knee, not_cut, pareto
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
from .warm_start import WarmStart, warm_start

__all__ = [
    "BASELINE",
    "Direction",
    "Gain",
    "TrialRecord",
    "WarmStart",
    "best",
    "best_first",
    "by_fresh_seeds",
    "chance",
    "curves",
    "diagnoses_of",
    "eligible",
    "finalized",
    "finalized_of",
    "folds_of",
    "frame",
    "front_mask",
    "gain",
    "gradients",
    "hypervolume",
    "is_trained",
    "knee",
    "load",
    "locate",
    "not_cut",
    "objectives",
    "objectives_of",
    "pareto",
    "plain_rival",
    "ranks",
    "record_of",
    "table",
    "trainings_of",
    "warm_start",
    "with_remarks",
]
