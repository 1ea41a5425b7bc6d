"""What several tests of tasks need."""

from __future__ import annotations

from collections.abc import Callable

from optcell_search import registry
from optcell_search.hyperparameters import specification


def shrink(name: str) -> str:
    """Return the spec of a task by its name, with few examples if they can be chosen."""
    options = specification(registry.tasks.get(name))
    return f"{name}:examples=200" if "examples" in options else name


def complaint_of(call: Callable[[], object]) -> str | None:
    """Return the text of the ValueError that `call` raises, or None; nothing else may be raised."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None
