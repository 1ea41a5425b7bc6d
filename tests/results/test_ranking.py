from __future__ import annotations

import itertools
import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optcell_search import pareto, results
from optcell_search.tuning.finalizing.choosing import choose

TWO: dict[str, results.Direction] = {"accuracy": "maximize", "parameters": "minimize"}
DIRECTIONS: list[results.Direction] = ["minimize", "maximize"]

# Few distinct values, so that ties and duplicates are common.
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.5, np.nan, np.inf, -np.inf])


@st.composite
def points(draw: st.DrawFn) -> tuple[npt.NDArray[np.float64], list[results.Direction]]:
    rows, columns = draw(st.integers(0, 12)), draw(st.integers(1, 5))
    values = draw(hnp.arrays(np.float64, (rows, columns), elements=VALUES))
    return values, [draw(st.sampled_from(DIRECTIONS)) for _ in range(columns)]


def dominates(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], signs: list[int]) -> bool:
    pairs = [(s * x, s * y) for x, y, s in zip(a, b, signs, strict=True)]
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


@settings(max_examples=300)
@given(points())
def test_front_is_what_comparing_all_pairs_gives(
    case: tuple[npt.NDArray[np.float64], list[results.Direction]],
) -> None:
    values, directions = case
    signs = [1 if d == "minimize" else -1 for d in directions]
    finite = [bool(np.isfinite(row).all()) for row in values]
    expected = [
        ok
        and not any(
            dominates(other, row, signs) for other, fine in zip(values, finite, strict=True) if fine
        )
        for row, ok in zip(values, finite, strict=True)
    ]
    assert results.front_mask(values, directions).tolist() == expected


def rows(*values: tuple[float, float], **columns: list[Any]) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=list(TWO))
    table.insert(0, "number", range(len(table)))
    table["state"] = "COMPLETE"
    table["duplicate_of"] = pd.array([None] * len(table), dtype="Int64")
    return table.assign(**columns)


def test_pareto_keeps_ties_and_orders_by_the_first_objective() -> None:
    table = rows((0.8, 5), (0.9, 7), (0.8, 5), (0.7, 6), (0.95, 70))
    assert list(results.pareto(table, TWO)["number"]) == [4, 1, 0, 2]


def test_rows_that_did_not_complete_are_never_ranked() -> None:
    table = rows((0.99, 1), (0.9, 7), (0.98, 2), (np.nan, 1))
    table["state"] = ["PRUNED", "COMPLETE", "FAIL", "COMPLETE"]
    assert list(results.pareto(table, TWO)["number"]) == [1]
    assert results.best(table, TWO)["number"] == 1


def test_infeasible_rows_and_repetitions_are_never_ranked() -> None:
    table = rows((0.99, 1), (0.9, 7), (0.9, 7), feasible=[False, True, True])
    table["duplicate_of"] = pd.array([None, None, 1], dtype="Int64")
    assert list(results.pareto(table, TWO)["number"]) == [1]
    assert results.best(table, TWO, "parameters")["number"] == 1
    assert results.knee(table, TWO)["number"] == 1


def test_one_objective_has_a_front_of_its_best_rows() -> None:
    table = rows((0.8, 5), (0.9, 7), (0.9, 9))
    assert list(results.pareto(table, {"accuracy": "maximize"})["number"]) == [1, 2]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_hypervolume_agrees_with_counting_random_points(dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    values = random.random((12, dimensions))
    directions = [DIRECTIONS[i % 2] for i in range(dimensions)]
    signs = np.where([d == "minimize" for d in directions], 1.0, -1.0)
    reference = np.where(signs > 0, 1.0, 0.0)
    probes = random.random((200_000, dimensions))
    covered = np.zeros(len(probes), dtype=bool)
    for row in values:
        covered |= (row * signs <= probes * signs).all(axis=1)
    measured = results.hypervolume(values, directions, reference.tolist())
    # Five standard deviations of the counted share.
    assert measured == pytest.approx(covered.mean(), abs=5 * 0.5 / np.sqrt(len(probes)))


def test_hypervolume_of_hand_computed_cases() -> None:
    up_down = list(TWO.values())
    assert results.hypervolume([(3, 1), (1, 0)], up_down, [0, 2]) == pytest.approx(3 + 1)
    assert results.hypervolume([(3, 1), (3, 1)], up_down, [0, 2]) == pytest.approx(3)
    assert results.hypervolume([(3, 1), (-5, 9)], up_down, [0, 2]) == pytest.approx(3)
    assert results.hypervolume([(3, 1), (0, 2)], up_down) == pytest.approx(3)
    assert results.hypervolume([(np.nan, 1)], up_down, [0, 2]) == 0
    assert results.hypervolume([], up_down) == 0


@settings(max_examples=100)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(0, 1)))
def test_hypervolume_ignores_order_and_never_shrinks(values: npt.NDArray[np.float64]) -> None:
    directions: list[results.Direction] = ["minimize"] * 3
    whole = results.hypervolume(values, directions, [1, 1, 1])
    assert results.hypervolume(values[::-1], directions, [1, 1, 1]) == pytest.approx(whole)
    assert results.hypervolume(values[:-1], directions, [1, 1, 1]) <= whole + 1e-12


def test_knee_is_the_point_that_bulges_most() -> None:
    table = rows((1.0, 100), (0.9, 20), (0.5, 10), (0.1, 1))
    scaled_sums = [0 + 1, 0.1 / 0.9 + 19 / 99, 0.5 / 0.9 + 9 / 99, 1 + 0]
    assert results.knee(table, TWO)["number"] == int(np.argmin(scaled_sums))
    assert results.best(table, TWO, "knee")["number"] == 1


def test_knee_counts_all_objectives_together() -> None:
    # Scaled losses (0, 1), (0.1, 0.55), (0.45, 0.4), (1, 0): the third has the least largest one.
    table = rows((1.0, 100), (0.9, 55), (0.55, 40), (0.0, 0))
    assert results.knee(table, TWO)["number"] == 1


def test_knee_of_two_or_equal_points_goes_to_the_first_objective() -> None:
    assert results.knee(rows((0.1, 1), (1.0, 100)), TWO)["number"] == 1
    assert results.knee(rows((0.5, 1), (0.5, 1)), TWO)["number"] == 0
    assert results.knee(rows((0.5, 1)), TWO)["number"] == 0


def test_knee_does_not_depend_on_units() -> None:
    table = rows((1.0, 100), (0.9, 20), (0.5, 10), (0.1, 1))
    scaled = table.assign(parameters=table["parameters"] * 1e6 + 3)
    assert results.knee(scaled, TWO)["number"] == results.knee(table, TWO)["number"]


def test_best_breaks_ties_by_the_other_objectives_then_by_number() -> None:
    table = rows((0.9, 9), (0.9, 7), (0.9, 7), (0.1, 1))
    assert results.best(table, TWO)["number"] == 1
    assert results.best(table, TWO, "best")["number"] == 1
    assert results.best(table, TWO, "accuracy")["number"] == 1
    assert results.best(table, TWO, "parameters")["number"] == 3


def test_wrong_choices_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="unknown choice 'speed'; valid: best, knee, accuracy"):
        results.best(rows((0.9, 9)), TWO, "speed")
    for which in ("best", "knee", "accuracy"):
        with pytest.raises(ValueError, match="no trial completed"):
            results.best(rows(), TWO, which)
    with pytest.raises(ValueError, match="unknown objective 'mse'"):
        results.pareto(rows((0.9, 9)), {"mse": "minimize"})


def test_ten_thousand_trials_are_ranked_at_once() -> None:
    values = np.random.default_rng(0).random((10_000, 5))
    names = [f"m{i}" for i in range(5)]
    table = pd.DataFrame(values, columns=names).assign(state="COMPLETE", number=range(10_000))
    table["duplicate_of"] = pd.array([None] * 10_000, dtype="Int64")
    objectives = dict(zip(names, itertools.repeat("minimize")))
    start = time.perf_counter()
    front = results.pareto(table, objectives)
    results.hypervolume(front[names].to_numpy(), list(objectives.values()))
    assert time.perf_counter() - start < 2.0


def trained_twice(*scores: tuple[float, float, int]) -> pd.DataFrame:
    """Rows of accuracy, its spread, and parameters, the keys in descending order."""
    table = rows(*((accuracy, parameters) for accuracy, _, parameters in scores))
    keys = [f"{len(scores) - number:016x}" for number in range(len(scores))]
    return table.assign(accuracy_std=[spread for _, spread, _ in scores], key=keys)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        # The best by far, whatever its spread.
        ([(0.90, 0.01, 9), (0.95, 0.04, 99)], 1),
        # Equal, and nearly so: the smaller spread, then the smaller network, then the key.
        ([(0.95, 0.04, 9), (0.95, 0.02, 99)], 1),
        ([(0.95, 0.04, 9), (0.947, 0.02, 99)], 1),
        ([(0.95, 0.04, 9), (0.945, 0.02, 99)], 0),
        ([(0.95, 0.02, 99), (0.95, 0.02, 9)], 1),
        ([(0.95, 0.02, 9), (0.95, 0.02, 9)], 1),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_ties_and_near_ties_go_by_spread_then_size_never_by_arrival(
    scores: list[tuple[float, float, int]], best: int, turned: bool
) -> None:
    table = trained_twice(*scores)
    wanted = table.loc[best, "key"]
    if turned:
        table = table.iloc[::-1].assign(number=range(len(table)))
    one: dict[str, results.Direction] = {"accuracy": "maximize"}
    assert results.best(table, one)["key"] == wanted
    assert results.best_first(table, one)["key"].iloc[0] == wanted
    assert choose(table, one, 1) == [int(results.best(table, one)["number"])]


def test_what_does_not_fit_is_refused_and_not_reshaped() -> None:
    two = ["maximize", "minimize"]
    for points, said in (
        ([[0.9, 10, 1], [0.8, 5, 1]], r"shape \(2, 3\); valid: \(points, 2\)"),
        ([0.9, 10, 0.8, 5], r"shape \(4,\)"),
    ):
        for ask in (results.hypervolume, results.front_mask, pareto.ranks):
            with pytest.raises(ValueError, match=said):
                ask(points, two)
    points = [[0.9, 10], [0.8, 5]]
    for reference in ([0.0, 20, 30, 40], [0.0]):
        with pytest.raises(ValueError, match=r"valid: \(points, 2\)"):
            results.hypervolume(points, two, reference)
    with pytest.raises(ValueError, match=r"reference \[nan, 20\]; valid: finite numbers"):
        results.hypervolume(points, two, [math.nan, 20])
    with pytest.raises(ValueError, match="direction 'max'; valid: 'minimize', 'maximize'"):
        results.front_mask(points, ["max", "min"])
    assert results.hypervolume([], two) == 0.0
