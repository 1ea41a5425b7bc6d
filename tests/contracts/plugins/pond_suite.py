"""What the author of a plug-in package writes to have it tested."""

from __future__ import annotations

import pytest
from pond.cell import Leaky
from pond.penalty import PondBalance
from pond.rule import Bounded
from pond.task import Ponds

from optcell_search.testing import (
    CellContract,
    PenaltyContract,
    RuleContract,
    TaskContract,
    variants,
)


class TestBounded(RuleContract):
    @pytest.fixture(params=variants(Bounded), ids=repr)
    def rule(self, request: pytest.FixtureRequest) -> Bounded:
        return request.param


class TestLeaky(CellContract):
    @pytest.fixture(params=variants(Leaky), ids=repr)
    def cell(self, request: pytest.FixtureRequest) -> Leaky:
        return request.param


class TestPonds(TaskContract):
    @pytest.fixture
    def spec(self) -> str:
        return f"{Ponds.name}:examples=20"


class TestPondBalance(PenaltyContract):
    @pytest.fixture
    def penalty(self) -> PondBalance:
        return PondBalance()
