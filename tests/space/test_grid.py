"""The size of a space, and its grid."""

from __future__ import annotations

from typing import Any

import pytest
from spaces import DISCRETE, MIXED, every_space, lstm_space

from optcell_search.space import SearchSpace


def test_size_counts_the_candidates() -> None:
    # (relu, tanh | nothing) x (s = 1 | 3 mu x 10 s) x 4 hidden sizes
    assert DISCRETE.size == (2 + 1) * (1 + 3 * 10) * 4
    assert MIXED.size is None
    assert len(set(DISCRETE.grid(points=10))) == DISCRETE.size


@every_space
@pytest.mark.parametrize("points", [1, 2, 3])
def test_a_grid_has_no_duplicates_and_stays_inside(space: SearchSpace, points: int) -> None:
    grid = space.grid(points)
    assert len(set(grid)) == len(grid)
    assert len({candidate.key for candidate in grid}) == len(grid)
    assert all(candidate in space for candidate in grid)
    assert grid == SearchSpace.from_dict(space.to_dict()).grid(points)
    assert {(c.cell, c.rule) for c in grid} == {(c, r) for c in space.cells for r in space.rules}


@pytest.mark.parametrize(
    ("section", "name", "value", "points", "expected"),
    [
        ("training", "lr", {"low": 1e-4, "high": 1e-2, "log": True}, 3, [1e-4, 1e-3, 1e-2]),
        ("training", "lr", {"low": 1e-4, "high": 1e-2, "log": True}, 1, [1e-3]),
        ("training", "clip", {"low": 0.1, "high": 0.4}, 4, [0.1, 0.2, 0.3, 0.4]),
        ("training", "clip", {"low": 0, "high": 0.9, "step": 0.3}, 9, [0.0, 0.3, 0.6, 0.9]),
        ("training", "clip", {"low": 0, "high": 0.8, "step": 0.1}, 3, [0.0, 0.4, 0.8]),
        ("model", "num_layers", {"low": 1, "high": 3}, 9, [1, 2, 3]),
        ("model", "num_layers", {"low": 1, "high": 3}, 1, [2]),
        ("model", "hidden_size", {"low": 1, "high": 1024, "log": True}, 3, [1, 32, 1024]),
        ("model", "hidden_size", {"low": 1, "high": 4, "log": True}, 9, [1, 2, 3, 4]),
        ("model", "hidden_size", {"low": 2, "high": 4, "log": True}, 2, [2, 4]),
        ("model", "hidden_size", {"low": 1, "high": 8, "log": True}, 7, [1, 2, 3, 4, 6, 8]),
        ("model", "hidden_size", {"low": 10, "high": 30, "step": 10}, 2, [10, 30]),
        ("model", "hidden_size", {"choices": [9, 3, 5]}, 2, [9, 3, 5]),
        ("model", "learn_rule", {"choices": [True, False]}, 1, [True, False]),
    ],
)
def test_grid_points(
    section: str, name: str, value: dict[str, Any], points: int, expected: list[Any]
) -> None:
    grid = lstm_space(**{section: {name: value}}).grid(points)
    assert [candidate.to_dict()[section][name] for candidate in grid] == expected


@pytest.mark.parametrize("points", [0, -1, True])
def test_points_must_be_a_positive_integer(points: int) -> None:
    with pytest.raises(ValueError, match=f"points = {points} is not a positive integer; valid: 1"):
        DISCRETE.grid(points)


def test_a_grid_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="candidates; valid: at most 1000000: fix more"):
        MIXED.grid(points=100)
