"""Search for the update rule, momentum and step size that suit your recurrent network.

Importing this needs torch alone; what needs more is loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import cells, rules
from .cells import OptCell

if TYPE_CHECKING:
    from .estimators import OptCellClassifier, OptCellForecaster, OptCellRegressor
    from .space import Candidate, SearchSpace
    from .tuning import Run, optcell_trainable
    from .tuning.start import search

__version__ = "0.1.0"
__all__ = [
    "Candidate",
    "OptCell",
    "OptCellClassifier",
    "OptCellForecaster",
    "OptCellRegressor",
    "Run",
    "SearchSpace",
    "cells",
    "optcell_trainable",
    "rules",
    "search",
]

_LAZY = {
    "Candidate": "space",
    "OptCellClassifier": "estimators",
    "OptCellForecaster": "estimators",
    "OptCellRegressor": "estimators",
    "SearchSpace": "space",
    "Run": "tuning",
    "optcell_trainable": "tuning",
    "search": "tuning.start",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
