"""The order in which a table takes up the candidates of a space."""

from __future__ import annotations

from collections import Counter

import pytest
from tables import SPACE

from optcell_search.space import SearchSpace, is_plain
from optcell_search.space.nearest import coordinates
from optcell_search.table.order import CubePoint, low_discrepancy


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return SearchSpace.from_dict(SPACE)


def test_every_candidate_comes_once_and_the_plain_cells_first(space: SearchSpace) -> None:
    order = low_discrepancy(space)
    assert sorted(c.key for c in order) == sorted(c.key for c in space.grid(100))
    assert order[:2] == space.plain()
    assert [is_plain(candidate) for candidate in order] == [True] * 8 + [False] * (len(order) - 8)


def test_the_first_ones_are_spread_evenly() -> None:
    order = low_discrepancy(SearchSpace.load("table"))
    assert len(order) == 1160
    assert all(map(is_plain, order[:20]))
    first = order[20:120]
    for kind in ("cell", "rule"):
        count = Counter(getattr(candidate, kind) for candidate in first)
        # Twenty each, up to what has been met before.
        assert len(count) == 5
        assert all(15 <= each <= 25 for each in count.values())
    for name in ("model.hidden_size", "training.lr"):
        assert min(Counter(c.flat()[name] for c in first).values()) >= 30


def test_a_shorter_table_is_the_beginning_of_a_longer_one(space: SearchSpace) -> None:
    assert low_discrepancy(space) == low_discrepancy(space)


def test_a_continuous_range_has_no_order(space: SearchSpace) -> None:
    endless = SearchSpace.from_dict(SPACE | {"training": {"lr": {"low": 1e-3, "high": 1e-2}}})
    with pytest.raises(ValueError, match="continuous range; valid for a table: choices"):
        low_discrepancy(endless)


def test_coordinates_answer_questions_in_their_order() -> None:
    point = CubePoint([0.0, 0.99, 0.5, 0.5, 0.34, 0.999])
    assert point.suggest_categorical("a", ["x", "y"]) == "x"
    assert point.suggest_categorical("b", ["x", "y", "z"]) == "z"
    assert point.suggest_float("c", 0.0, 4.0) == 2.0
    assert point.suggest_float("d", 1.0, 100.0, log=True) == pytest.approx(10.0)
    assert point.suggest_float("e", 0.0, 0.5, step=0.25) == 0.25
    assert point.suggest_int("f", 1, 7, step=2) == 7


def test_places_are_shares_of_the_ranges(space: SearchSpace) -> None:
    candidate = next(c for c in space.grid(100) if c.rule == "heavy_ball")
    values = candidate.flat()
    assert coordinates(space, candidate) == {
        "heavy_ball.mu": pytest.approx(float(values["heavy_ball.mu"]) / 0.8),
        "heavy_ball.s": pytest.approx((float(values["heavy_ball.s"]) - 0.25) / 0.75),
    }
