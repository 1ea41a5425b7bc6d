"""What of the contracts is asked each time, and what takes minutes more."""

from __future__ import annotations

import pytest

from optcell_search.testing import variants

# One without a memory and the one with most: of the others a cell's options know nothing more.
_RULES = ("gd", "adam")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave options of cells other than their defaults, under most rules, to the long tests."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if not params.keys() >= {"cell", "rule"} or params["rule"] in _RULES:
            continue
        cell = params["cell"]
        if not isinstance(cell, str) and cell != variants(type(cell))[0]:
            item.add_marker(pytest.mark.slow)
