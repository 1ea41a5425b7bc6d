"""Kendall's tau within groups, against scipy's, and what its interval says of few members."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from optcell_search.results.kendall import tau_within


def test_tau_of_one_group_is_scipys_with_ties() -> None:
    random = np.random.default_rng(0)
    for size in (2, 3, 5, 9):
        for _ in range(20):
            x, y = random.integers(4, size=(2, size)).astype(float)
            expected = stats.kendalltau(x, y).statistic
            found = tau_within([(x.tolist(), y.tolist())])
            assert (found is None) == np.isnan(expected)
            if found is not None:
                assert found.mean == pytest.approx(expected)
                assert found.amount == size


def test_pairs_of_two_groups_are_not_compared() -> None:
    # Within each group the wrong way round, though all of one group is above all of the other.
    found = tau_within([([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]), ([11.0, 12.0], [12.0, 11.0])])
    assert found is not None
    assert found.mean == -1.0


@pytest.mark.parametrize(("size", "sure"), [(2, False), (3, False), (4, False), (5, True)])
def test_few_members_all_in_order_may_be_so_by_chance(size: int, sure: bool) -> None:
    found = tau_within([(list(range(size)), list(range(size)))])
    assert found is not None
    assert found.mean == 1.0
    assert found.excludes_zero is sure
    assert found.low == (1.0 if sure else 0.0)
    assert found == tau_within([(list(range(size)), list(range(size)))])


def test_of_unrelated_rankings_about_one_in_twenty_seems_related() -> None:
    random = np.random.default_rng(1)
    seen = 0
    for _ in range(200):
        groups = [tuple(random.normal(size=(2, 5)).tolist()) for _ in range(3)]
        found = tau_within(groups)  # type: ignore[arg-type]
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.mean <= found.high
        seen += found.excludes_zero
    assert seen <= 20


def test_where_nothing_differs_there_is_no_tau() -> None:
    assert tau_within([]) is None
    assert tau_within([([1.0], [2.0])]) is None
    assert tau_within([([1.0, 2.0], [0.5, 0.5])]) is None
