"""Penalties: what predictions owe to the laws of their system, as a penalty in its own unit.

A penalty is a differentiable penalty over predictions and drivers. It serves twice: as a term
of the training loss, with a weight that a search space may search, and as a metric that a search
may aim at, beside the task's own.
"""

from __future__ import annotations

from .base import Penalty
from .density_inversion import DensityInversion
from .energy_imbalance import EnergyImbalance

__all__ = ["DensityInversion", "EnergyImbalance", "Penalty"]
