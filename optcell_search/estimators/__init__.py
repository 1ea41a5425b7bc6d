"""Searches behind scikit-learn's interface: fit a search, predict with the best of it."""

from __future__ import annotations

from .base import SearchEstimator
from .classifier import OptCellClassifier
from .forecaster import OptCellForecaster
from .regressor import OptCellRegressor
from .supervised import SupervisedEstimator

__all__ = [
    "OptCellClassifier",
    "OptCellForecaster",
    "OptCellRegressor",
    "SearchEstimator",
    "SupervisedEstimator",
]
