"""Who goes on at a rung: properties of the order, and the cases a pruner must not get wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from halving_truth import epsilon_net, fronts, order
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.tuning.search import standing
from optcell_search.tuning.search.halving import Halving, Point

ALL = np.array([True, True])
ACCURACY_ONLY = np.array([True, False])

small = st.integers(0, 6).map(float)
pairs = st.lists(st.tuples(small, small), min_size=1, max_size=25)
bounded = st.lists(
    st.builds(
        Point,
        st.tuples(small, small),
        st.tuples(st.integers(-2, 2).map(float)),
        at_chance=st.booleans(),
        cost=small,
        lot=small,
    ),
    min_size=1,
    max_size=20,
)


def dominates(a: Any, b: Any, learned: Any) -> bool:
    """The definition, word by word."""
    no_worse = all(x <= y for x, y in zip(a, b, strict=True))
    return no_worse and any(x < y and k for x, y, k in zip(a, b, learned, strict=True))


@given(pairs, st.sampled_from([ALL, ACCURACY_ONLY]))
def test_fronts_are_what_their_definition_says(points: list[Any], learned: Any) -> None:
    found = fronts(np.array(points), learned)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(points)))
    left = set(range(len(points)))
    for front in found:
        best = {i for i in left if not any(dominates(points[j], points[i], learned) for j in left)}
        assert set(front.tolist()) == best
        left -= best


@given(bounded)
def test_the_order_puts_no_row_before_one_that_dominates_it(points: list[Point]) -> None:
    places = {int(i): place for place, i in enumerate(order(points, ALL))}
    assert sorted(places) == list(range(len(points)))
    for i, a in enumerate(points):
        for j, b in enumerate(points):
            broken_a, broken_b = max(a.violations[0], 0), max(b.violations[0], 0)
            if broken_a < broken_b or (
                broken_a == broken_b == 0 and dominates(a.losses, b.losses, ALL)
            ):
                assert places[i] < places[j]


@given(bounded, st.sampled_from([ALL, ACCURACY_ONLY]))
def test_units_make_no_difference(points: list[Point], learned: Any) -> None:
    other = [
        replace(
            p,
            losses=(math.exp(p.losses[0]), 1e3 * p.losses[1] ** 3 - 7),
            violations=(5 * p.violations[0],),
        )
        for p in points
    ]
    assert order(points, learned).tolist() == order(other, learned).tolist()


@given(pairs)
def test_a_net_begins_with_the_best_and_the_farthest(points: list[Any]) -> None:
    values = np.array(points)
    net = epsilon_net(values).tolist()
    assert sorted(net) == list(range(len(points)))
    assert points[net[0]] == min(points)
    # What repeats another point comes when all different ones have been taken.
    different = len(set(points))
    assert len({points[i] for i in net[:different]}) == different


def test_a_net_takes_both_ends_and_then_the_middle() -> None:
    front = np.array([[float(i), float(8 - i)] for i in range(9)])
    assert epsilon_net(front).tolist()[:3] == [0, 8, 4]
    assert set(epsilon_net(front).tolist()[:5]) == {0, 2, 4, 6, 8}


@given(st.permutations(range(12)))
def test_one_objective_is_ranked_as_by_sorting(values: list[int]) -> None:
    points = [Point((float(v),)) for v in values]
    assert order(points, np.array([True])).tolist() == np.argsort(values).tolist()


def survivors(points: list[Point], learned: list[bool], budget: int = 9) -> list[int]:
    halving = Halving(learned, budget)
    return [i for i, point in enumerate(points) if halving.goes_on(i, halving.rungs[0], point)]


def test_a_third_goes_on() -> None:
    random = np.random.default_rng(0)
    points = [Point((loss, cost)) for loss, cost in random.random((300, 2))]
    assert 90 <= len(survivors(points, [True, True])) <= 125


def test_where_nobody_has_learned_anything_size_decides_nothing() -> None:
    """On a task that takes a while all stand at chance: every size must have its chance."""
    random = np.random.default_rng(1)
    sizes = random.permutation(90)
    kept = [sizes[i] for i in survivors([Point((0.9, float(s))) for s in sizes], [True, False])]
    assert 15 <= len(kept) <= 60
    for low in (0, 30, 60):
        assert sum(low <= size < low + 30 for size in kept) >= len(kept) / 8


def test_what_is_small_and_bad_does_not_crowd_out_what_is_large_and_good() -> None:
    random = np.random.default_rng(2)
    large = [Point((-0.9 - 0.05 * random.random(), 1e6 + i)) for i in range(30)]
    tiny = [Point((-0.1 + 0.05 * random.random(), 10.0)) for i in range(60)]
    points = [*large, *tiny]
    indices = random.permutation(90)
    kept = [int(indices[i]) for i in survivors([points[i] for i in indices], [True, False])]
    best = min(range(30), key=lambda i: points[i].losses)
    assert best in kept
    # They are two thirds of all.
    assert sum(i >= 30 for i in kept) <= len(kept) / 2


def test_the_first_rung_stops_nobody_at_chance_while_fewer_have_left_it_than_go_on() -> None:
    halving = Halving([True], 27)
    first, second = halving.rungs

    def goes_on(trial: int, epoch: int, loss: float, at_chance: bool = True) -> bool:
        return halving.goes_on(trial, epoch, Point((loss,), at_chance=at_chance))

    # Nobody has learned anything: whose noise is the largest says nothing.
    assert all(goes_on(trial, first, -0.1 + 0.001 * trial) for trial in range(9))
    # Of thirteen five go on, and three of them have learned something.
    assert all(goes_on(trial, first, -0.5, at_chance=False) for trial in (9, 10, 11))
    assert goes_on(12, first, -0.05)
    # Of seventeen six, and six have.
    assert all(goes_on(trial, first, -0.6, at_chance=False) for trial in (13, 14, 15))
    assert not goes_on(16, first, -0.05)
    # Further on a third goes on whatever they have learned.
    assert goes_on(0, second, -0.1)
    assert goes_on(1, second, -0.09)
    assert not goes_on(2, second, -0.08)


def test_a_single_rung_judges_by_what_there_is() -> None:
    halving = Halving([True], 9, grace=6)
    (rung,) = halving.rungs
    passed = [halving.goes_on(t, rung, Point((0.1 * t,), at_chance=True)) for t in range(4)]
    assert passed == [True, True, False, False]


def test_what_breaks_a_constraint_ranks_last() -> None:
    keeps, breaks, breaks_more = (
        Point((0.9,), (-1.0,)),
        Point((0.1,), (1.0,)),
        Point((0.0,), (2.0,)),
    )
    assert order([breaks_more, breaks, keeps], np.array([True])).tolist() == [2, 1, 0]


def test_rungs_are_at_a_ninth_and_a_third() -> None:
    def rungs(budget: int, **options: int) -> tuple[int, ...]:
        return Halving([True], budget, **options).rungs

    assert [rungs(e) for e in (1, 2, 9, 10, 90)] == [(), (1,), (1, 3), (2, 6), (10, 30)]
    assert rungs(100, grace=10, reduction=2) == (10, 20, 40, 80)


def test_between_rungs_nobody_is_stopped() -> None:
    halving = Halving([True], 9)
    for row in range(9):
        halving.record(row, 1, Point((0.0,)))
        assert halving.goes_on(row, 2, Point((float(row),)))
    assert not halving.goes_on(9, 1, Point((99.0,)))


def test_two_rows_are_not_enough_to_judge_by() -> None:
    halving = Halving([True], 9)
    verdicts = [halving.goes_on(row, 1, Point((float(row),))) for row in range(4)]
    assert verdicts == [True, True, False, False]


def test_only_rivals_count() -> None:
    halving = Halving([True], 9)
    for row in range(6):
        halving.record(row, 1, Point((float(row),)))
    assert not halving.goes_on(6, 1, Point((3.5,)))
    assert halving.goes_on(7, 1, Point((3.5,)), rival=lambda other: other in (4, 5))


def test_coming_past_a_rung_again_changes_nothing() -> None:
    halving = Halving([True], 9)
    assert halving.goes_on(0, 1, Point((9.0,)))
    for row in range(1, 5):
        halving.goes_on(row, 1, Point((float(row),)))
    # By now it would be the last of five.
    assert halving.goes_on(0, 1, Point((9.0,)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([False], 9), "no objective changes with training"),
        (([True], 9, 0), "grace = 0; valid: integers, 1 or more"),
        (([True], 9, 1, 1), "reduction = 1; valid: integers, 2 or more"),
    ],
)
def test_what_makes_no_sense(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Halving(*arguments)


def test_equals_go_by_what_they_cost_then_by_lot_and_never_by_who_came_first() -> None:
    cheap, dear = Point((0.5,), cost=10.0, lot=0.9), Point((0.5,), cost=20.0, lot=0.1)
    lucky = replace(dear, lot=0.0)
    for first, then, goes_on in (
        (dear, cheap, True),
        (cheap, dear, False),
        (dear, lucky, True),
        (lucky, dear, False),
        (replace(dear, cost=10.0), cheap, False),
    ):
        halving = Halving([True], 9)
        for trial in range(6):
            halving.record(trial, 1, first)
        assert halving.goes_on(6, 1, then) == goes_on
    # Of what has learned nothing the small are not preferred.
    lost = [replace(point, at_chance=True) for point in (cheap, dear)]
    assert order(lost, np.array([True])).tolist() == [1, 0]


COLUMNS = (*[st.integers(0, 4)] * 3, *[st.integers(-1, 2)] * 2, *[st.integers(0, 2)] * 2)
VALUES = st.lists(st.tuples(*COLUMNS), min_size=1, max_size=40)


def a_point(row: tuple[int, ...]) -> Point:
    """Three objectives, two constraints, the cost and the lot."""
    numbers = tuple(map(float, row))
    return Point(numbers[:3], numbers[3:5], cost=numbers[5], lot=numbers[6])


LEARNED = [(True,), (True, True, False), (True, False, False), (True, True, True)]


@given(VALUES, st.sampled_from(LEARNED))
def test_a_rung_decides_as_the_order_written_out_does(
    rows: list[tuple[int, ...]], learned: tuple[bool, ...]
) -> None:
    """One after another; every rung of a search sees its trials so."""
    halving = Halving(learned, 9)
    points: list[Point] = []
    for number, row in enumerate(rows):
        point = a_point(row)
        points.append(replace(point, losses=point.losses[: len(learned)]))
        place = order(points, np.array(learned)).tolist().index(number)
        expected = len(points) < 3 or place < math.ceil(len(points) / 3)
        assert halving.goes_on(number, 1, points[-1]) == expected


@given(VALUES, st.integers(1, 4))
def test_it_does_so_among_rivals_alone_too(rows: list[tuple[int, ...]], size: int) -> None:
    learned = (True, True, True)
    halving = Halving(learned, 9)
    points = [a_point(row) for row in rows]
    for number, point in enumerate(points):
        first = number // size * size
        rivals = [*points[:first], point]
        place = order(rivals, np.array(learned)).tolist().index(first)
        expected = len(rivals) < 3 or place < math.ceil(len(rivals) / 3)
        before = lambda other, first=first: other < first  # noqa: E731
        assert halving.goes_on(number, 1, point, before) == expected


@given(VALUES)
def test_the_first_of_a_net_are_those_of_the_whole_net(rows: list[tuple[int, ...]]) -> None:
    losses = np.array(rows, dtype=float)
    whole = epsilon_net(losses).tolist()
    for most in range(1, len(losses) + 1):
        assert standing.epsilon_net(losses, most).tolist() == whole[:most]
