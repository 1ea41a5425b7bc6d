"""Types are checked in every call of the rooms that `pyproject.toml` names to jaxtyping."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest
from shape_checker import sparing

# Before anything of the package is imported: what jaxtyping's import hook decorates asks for it.
jaxtyping.jaxtyped = sparing(jaxtyping.jaxtyped)

# Rooms whose tests wait for Ray, a browser or a page's commands, and leave the processor idle.
_WAITING = ("tuning", "docs", "cli", "dashboard", "estimators")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait evenly among those that compute."""
    root = Path(__file__).parent
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for path in dict.fromkeys(item.path for item in items):
        kinds[path.relative_to(root).parts[0] in _WAITING].append(path)
    place = {path: i / len(kind) for kind in kinds.values() for i, path in enumerate(kind)}
    items.sort(key=lambda item: place[item.path])
