"""Search for the update rule, momentum and step size that suit your recurrent network.

Everything is loaded on first use: a cell needs torch alone, and the command's help not even that.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

# Who has torch has waited for it, and may load a state by ``torch.load(weights_only=True)``, which
# has to know its class.
if TYPE_CHECKING or "torch" in sys.modules:
    from . import cells, rules

if TYPE_CHECKING:
    from .cells import OptCell
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
    "OptCell": "cells",
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
    if name in ("cells", "rules"):
        return importlib.import_module(f".{name}", __name__)
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
