"""Search: a ledger of candidates, and the Ray Tune run that fills it.

The only room that imports ray, and it does so when a search starts, not when it is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ledger.trials.reasons import RunFailedError
    from .run import Run
    from .search.schedulers import MOASHAScheduler
    from .worker.own_tuner import optcell_trainable

__all__ = ["MOASHAScheduler", "Run", "RunFailedError", "optcell_trainable"]

# On first use, because a worker imports its trainable through here and must not wait for the
# tables and databases of the driver.
_LAZY = {
    "RunFailedError": ".ledger.trials.reasons",
    "MOASHAScheduler": "search.schedulers",
    "Run": "run",
    "optcell_trainable": "worker.own_tuner",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
