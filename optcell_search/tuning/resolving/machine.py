"""What a run notes of the machine that it began on."""

from __future__ import annotations

import importlib.metadata
import os
import platform


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages whose numbers a run depends on."""
    names = ("optcell-search", "torch", "ray", "optuna", "numpy")
    installed = {
        distribution.metadata["Name"].lower(): distribution.version
        for name in names
        for distribution in importlib.metadata.distributions(name=name)
    }
    return {"python": platform.python_version(), **installed}


def this_machine() -> dict[str, str | int]:
    """Return what a time measured here depends on, as plain data."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": available_cores(),
    }
