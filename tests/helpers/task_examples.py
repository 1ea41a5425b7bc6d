"""What several tests of tasks need."""

from __future__ import annotations

from collections.abc import Callable

from optcell_search import registry
from optcell_search.hyperparameters import specification


def shrink(name: str) -> str:
    """Return the spec of a task by its name, with few examples if they can be chosen."""
    options = specification(registry.tasks.get(name))
    small = {"examples": 200, "years": 5}
    chosen = ",".join(f"{key}={value}" for key, value in small.items() if key in options)
    return f"{name}:{chosen}" if chosen else name


def complaint_of(call: Callable[[], object]) -> str | None:
    """Return the text of the ValueError that `call` raises, or None; nothing else may be raised."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None
