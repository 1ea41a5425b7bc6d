"""Types are checked in every call of the rooms that `pyproject.toml` names to jaxtyping."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import jaxtyping
import pytest
from shape_checker import sparing

# Before anything of the package is imported: what jaxtyping's import hook decorates asks for it.
jaxtyping.jaxtyped = sparing(jaxtyping.jaxtyped)

# How long an example takes says more about the machine than about what is tested.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

# Rooms whose tests wait for Ray, a browser or a page's commands: begun first, they leave the
# processor to the others, which are thousands and short, and none of them runs alone at the end.
_WAITING = ("tuning", "docs", "cli", "dashboard", "estimators")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(root).parts[0]
        return _WAITING.index(room) if room in _WAITING else len(_WAITING)

    items.sort(key=place)
