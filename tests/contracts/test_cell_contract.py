"""Every registered cell keeps the contract under every registered rule, unasked."""

from __future__ import annotations

import pytest

from optcell_search import registry
from optcell_search.cells import Cell
from optcell_search.testing import CellContract, variants

CELLS = [cell for name in registry.cells.names() for cell in variants(registry.cells.get(name))]


class TestCells(CellContract):
    @pytest.fixture(params=CELLS, ids=repr)
    def cell(self, request: pytest.FixtureRequest) -> Cell:
        cell: Cell = request.param
        return cell
