"""Which trials `finalize` takes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optcell_search import results
from optcell_search.results import Direction
from optcell_search.tuning.finalizing.choosing import asked_for, choose, choose_of_each

TWO: dict[str, Direction] = {"accuracy": "maximize", "parameters": "minimize"}


def trials(*rows: tuple[float, float], **more: Any) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["accuracy", "parameters"])
    return table.assign(number=range(len(rows)), state="COMPLETE", duplicate_of=None, **more)


def test_a_far_worse_smaller_one_is_not_taken_for_a_better_one() -> None:
    table = trials(
        (0.95, 9000), (0.90, 3000), (0.617, 200), (0.94, 9500), (0.894, 9900), (0.3, 9999)
    )
    assert choose(table, TWO, 4) == [0, 3, 1, 4]
    assert choose(table, TWO, 9) == [0, 3, 1, 4, 2, 5]


def test_of_two_that_are_near_the_one_on_the_front_is_taken() -> None:
    table = trials((0.95, 9000), (0.94, 9500), (0.93, 100), (0.5, 50), (0.4, 9999), (0.3, 9999))
    assert choose(table, TWO, 2) == [0, 2]


def test_the_best_of_near_ties_is_taken_with_several_objectives_too() -> None:
    table = trials((0.9, 900), (0.899, 100), (0.5, 9000), accuracy_std=[0.05, 0.001, 0.1])
    best = int(results.best(table, TWO)["number"])
    assert (best, choose(table, TWO, 1)) == (1, [1])
    assert choose(table, TWO, 2) == [1, 0]


def test_one_objective_has_no_front_to_prefer() -> None:
    table = trials((0.5, 1), (0.9, 9), (0.7, 5))
    assert choose(table, {"accuracy": "maximize"}, 2) == [1, 2]
    assert choose(table, {"parameters": "minimize"}, 2) == [0, 2]


@pytest.mark.parametrize("way", ["maximize", "minimize"])
@given(points=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_what_is_passed_over_is_never_far_better(
    way: Direction, points: list[tuple[int, int]]
) -> None:
    table = trials(*[(float(a), float(b)) for a, b in points])
    chosen = choose(table, {"accuracy": way, "parameters": "minimize"}, 3)
    assert len(chosen) == min(3, len(points))
    loss = table["accuracy"] if way == "minimize" else -table["accuracy"]
    near = 0.25 * (loss.median() - loss.min())
    assert loss[chosen].max() <= loss.drop(chosen).min() + near if len(points) > 3 else True


FIVE = trials(
    (0.95, 900), (0.90, 300), (0.94, 950), (0.80, 100), (0.70, 990),
    rule=["adam", "gd", "adam", "nesterov", "gd"], cell=["gru", "gru", "lstm", "lstm", "lstm"],
)  # fmt: skip


def test_the_best_of_each_rule_or_cell_are_taken_each_once() -> None:
    assert choose_of_each(FIVE, TWO, ["rule"]) == [0, 1, 3]
    assert choose_of_each(FIVE, {"accuracy": "maximize"}, ["cell"]) == [0, 2]
    assert choose_of_each(FIVE, {"accuracy": "maximize"}, ["rule", "cell"]) == [0, 2, 1, 3]


def test_one_way_of_choosing_is_asked_for() -> None:
    def asked(**ways: Any) -> list[int]:
        given = {"top": None, "trials": (), "kinds": ()} | ways
        return asked_for(FIVE, {"accuracy": "maximize"}, **given)

    assert asked() == [0, 2, 1]
    assert asked(top=1) == [0]
    assert asked(trials=[4, 3, 4]) == [4, 3]
    assert asked(kinds=["cell"]) == [0, 2]
    for ways in ({"top": 1, "kinds": ["cell"]}, {"trials": [1], "kinds": ["rule"]}):
        with pytest.raises(ValueError, match="best_of_each: each says what to take; valid: one"):
            asked(**ways)
