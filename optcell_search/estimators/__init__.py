"""Searches behind scikit-learn's interface: fit a search, predict with the best of it."""

from __future__ import annotations

from .classifier import OptCellClassifier
from .forecaster import OptCellForecaster
from .regressor import OptCellRegressor

__all__ = ["OptCellClassifier", "OptCellForecaster", "OptCellRegressor"]
