"""The gain over the plain cell, and its interval, against cases worked out by hand and scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ledgers import Ledger, candidate
from scipy import stats

from optcell_search import results
from optcell_search.results import Gain
from optcell_search.results.intervals import (
    Interval,
    Moments,
    difference,
    difference_in_folds,
)

SCORES = (0.81, 0.84, 0.79, 0.85, 0.83)
OTHERS = (0.78, 0.80, 0.77)


def test_an_interval_of_a_mean_is_students() -> None:
    found = Moments.of(SCORES).interval
    expected = stats.ttest_1samp(SCORES, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.amount) == (pytest.approx(0.824), 5)
    assert Moments.of([0.5]).interval == Interval(0.5, None, None, 1)


def test_the_same_value_again_and_again_does_not_vary() -> None:
    # np.std gives 1e-17 here, and an interval of next to no width would leave 0 out.
    for value in (0.1, 0.7, 0.9702702702702703):
        assert Moments.of([value] * 3) == Moments(value, 0.0, 3)
    found = difference(Moments.of([0.1] * 3), Moments.of([0.7] * 3))
    assert (found.low, found.excludes_zero) == (None, False)


def test_a_difference_of_means_is_welchs() -> None:
    found = difference(Moments.of(SCORES), Moments.of(OTHERS))
    expected = stats.ttest_ind(SCORES, OTHERS, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.excludes_zero
    assert not difference(Moments.of(SCORES), Moments.of(SCORES)).excludes_zero
    assert difference(Moments.of([0.9]), Moments.of(OTHERS)).low is None
    same = difference(Moments.of([0.5, 0.5]), Moments.of([0.25, 0.25]))
    assert (same.low, same.high) == (None, None), "no spread is no certainty"


def test_nine_of_ten_and_a_half_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        a, b = random.normal(1.0, 0.2, size=4), random.normal(0.6, 0.5, size=6)
        found = difference(Moments.of(a.tolist()), Moments.of(b.tolist()))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.4 <= found.high
    assert 0.93 <= held / 2000 <= 0.97


def test_a_difference_in_folds_is_nadeau_and_bengios() -> None:
    a, b = [0.9, 0.6, 0.8, 0.7], [0.85, 0.58, 0.79, 0.66]
    less = np.subtract(a, b)
    half = stats.t.ppf(0.975, 3) * less.std(ddof=1) * math.sqrt(1 / 4 + 1 / 3)
    found = difference_in_folds(a, b)
    assert (found.mean, found.amount) == (pytest.approx(0.03), 4)
    assert (found.low, found.high) == pytest.approx((0.03 - half, 0.03 + half))
    assert difference_in_folds([1.0], [0.0]).low is None
    assert difference_in_folds([1.0, 0.5], [0.5, 0.0]).low is None, "no spread is no certainty"
    assert difference_in_folds(a, a) == Interval(0.0, 0.0, 0.0, 4)
    assert difference_in_folds(b, a) == found.negative


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_candidates_in_folds_are_compared_fold_by_fold(direction: str) -> None:
    # Folds that differ far more than the candidates do.
    plain, found = [0.50, 0.70, 0.90, 0.60, 0.80], [0.54, 0.75, 0.93, 0.64, 0.84]
    if direction == "minimize":
        plain, found = ([1 - value for value in each] for each in (plain, found))
    ledger = Ledger({"score": direction}, folds=5)
    for rule, scores, options in (("adam", found, {}), ("gd", plain, {"s": 1.0})):
        known = Moments.of(scores)
        metrics = {"score": known.mean, "parameters": 9.0}
        ledger.add(
            [known.mean],
            of=candidate("lstm", rule, **options),
            epochs=[metrics],
            spread={"score": known.deviation, "parameters": 0.0},
            folds={"score": scores},
        )
    told = gain(ledger)
    assert told is not None
    assert told.seen
    less = difference_in_folds(found, plain)
    assert told.gain == (less if direction == "maximize" else less.negative)
    assert "in the same 5 folds" in told.sentence
    assert told.gain.mean == pytest.approx(0.04)


def gain(ledger: Ledger) -> Gain | None:
    study = ledger.study
    request = study.user_attrs["request"]
    found, objectives = results.finalized(study), results.objectives(study)
    records = [results.record_of(trial) for trial in study.get_trials(deepcopy=False)]
    folds = results.folds_of(records, next(iter(objectives)))
    trainings = results.trainings_of(request)
    return results.gain(results.frame(study), found, objectives, trainings, folds=folds)


def repeated(direction: str = "maximize", spread: float = 0.01, repeats: int = 3) -> Ledger:
    """The best is trial 1; 2 and 3 are plain cells of its size, 4 is none, 5 is a larger one."""
    sign = 1.0 if direction == "maximize" else -1.0
    ledger = Ledger({"score": direction}, repeats=repeats)
    for cell, rule, value, size, options in (
        ("lstm", "heavy_ball", 0.80, 90.0, {}),
        ("lstm", "adam", 0.90, 100.0, {}),
        ("gru", "gd", 0.84, 80.0, {"s": 1.0}),
        ("lstm", "gd", 0.85, 100.0, {"s": 1.0}),
        ("lstm", "gd", 0.88, 100.0, {"s": 0.5}),
        ("gru", "gd", 0.89, 101.0, {"s": 1.0}),
    ):
        of = candidate(cell, rule, **options)
        known = {"spread": {"score": spread, "parameters": 0.0}} if repeats > 1 else {}
        metrics = {"score": sign * value, "parameters": size}
        ledger.add([sign * value], of=of, epochs=[metrics], **known)
    return ledger


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_gain_is_over_the_best_plain_cell_that_is_no_larger(direction: str) -> None:
    found = gain(repeated(direction))
    assert isinstance(found, Gain)
    assert (found.number, found.plain, found.cell, found.source) == (1, 3, "lstm", "search")
    # Two means of three, of the same spread: t of 4 degrees of freedom, times 0.01 √(2/3).
    half = float(stats.t.ppf(0.975, 4)) * 0.01 * math.sqrt(2 / 3)
    assert found.gain.mean == pytest.approx(0.05)
    assert (found.gain.low, found.gain.high) == pytest.approx((0.05 - half, 0.05 + half))
    assert found.seen
    which = "" if direction == "maximize" else " (+ is lower, which is better)"
    said = f"gains +0.05 in validation score{which} over the plain lstm (trial 3)"
    assert said in found.sentence


def test_values_that_are_all_alike_make_no_difference_sure() -> None:
    ones, halves = Moments.of([1.0, 1.0, 1.0]), Moments.of([0.5, 0.5, 0.5])
    apart = difference(ones, halves)
    assert (apart.mean, apart.low, apart.high, apart.amount) == (0.5, None, None, 3)
    assert not apart.excludes_zero
    assert not difference(ones, ones).excludes_zero
    found = gain(repeated(spread=0.0))
    assert found is not None
    assert not found.seen
    assert "from 3 trainings of each, all alike: how sure that is, is not known" in found.sentence


def test_where_the_interval_holds_zero_no_difference_is_seen() -> None:
    found = gain(repeated(spread=0.1))
    assert found is not None
    assert not found.seen
    assert found.sentence.startswith("No difference seen between trial 1 and the plain lstm")


def test_one_training_of_each_says_nothing_of_how_sure_it_is() -> None:
    found = gain(repeated(repeats=1))
    assert found is not None
    assert found.gain.low is None
    assert not found.seen
    assert "from one training of each: how sure that is, is not known" in found.sentence


def final(validation: list[float], test: list[float], **more: Any) -> dict[str, Any]:
    return {
        "seeds": list(range(len(test))), "epochs": 3, "failed": {},
        "validation": {"score": validation}, "test": {"score": test}, **more,
    }  # fmt: skip


def test_finalized_trials_go_before_others_and_are_chosen_by_validation() -> None:
    ledger = repeated()
    ledger.study.set_user_attr("finalized:0", final([0.95, 0.96], [0.70, 0.72]))
    ledger.study.set_user_attr("finalized:1", final([0.90, 0.91], [0.99, 0.98]))
    ledger.study.set_user_attr("finalized:2", final([0.85, 0.86], [0.60, 0.62]))
    # Larger than trial 0, so that it is none to compare that with.
    ledger.study.set_user_attr("finalized:3", final([0.86, 0.87], [0.10, 0.12]))
    found = gain(ledger)
    assert found is not None
    assert (found.number, found.plain, found.source) == (0, 2, "test")
    assert found.gain == difference(Moments.of([0.70, 0.72]), Moments.of([0.60, 0.62]))
    assert "test score" in found.sentence


def test_only_what_was_finalized_alike_is_compared() -> None:
    ledger = repeated()
    refitted = {**final([], [0.99, 0.98]), "validation": {}, "refit": True}
    ledger.study.set_user_attr("finalized:0", refitted)
    ledger.study.set_user_attr("finalized:2", final([0.85, 0.86], [0.60, 0.62]))
    found = gain(ledger)
    assert found is not None
    assert found.source == "search"

    ledger.study.set_user_attr("finalized:0", final([0.9, 0.9], [0.9, 0.9], given=True))
    found = gain(ledger)
    assert found is not None
    assert found.source == "search"

    also = {**final([], [0.70, 0.72]), "validation": {}, "refit": True}
    ledger.study.set_user_attr("finalized:1", refitted)
    ledger.study.set_user_attr("finalized:3", also)
    found = gain(ledger)
    assert found is not None
    assert (found.number, found.plain, found.source) == (1, 3, "test")
    assert found.gain == difference(Moments.of([0.99, 0.98]), Moments.of([0.70, 0.72]))


def test_scores_that_test_leaves_undefined_are_not_compared() -> None:
    ledger = repeated()
    ledger.study.set_user_attr("finalized:1", final([0.9, 0.9], [math.nan, math.nan]))
    ledger.study.set_user_attr("finalized:3", final([0.8, 0.8], [math.nan, math.nan]))
    found = gain(ledger)
    assert found is not None
    assert found.source == "search"


def test_without_a_plain_cell_there_is_no_gain() -> None:
    ledger = Ledger({"score": "maximize"})
    ledger.add([0.9], of=candidate("lstm", "adam"))
    ledger.add([0.8], of=candidate("lstm", "gd", s=0.5))
    assert gain(ledger) is None
    assert gain(Ledger({"score": "maximize"})) is None


def test_where_each_plain_cell_is_larger_the_smallest_is_the_measure() -> None:
    ledger = Ledger({"score": "maximize"})
    for value, size, rule in ((0.9, 2000.0, "gd"), (0.8, 1500.0, "gd"), (0.95, 1000.0, "adam")):
        of = candidate("lstm", rule, **({"s": 1.0} if rule == "gd" else {}))
        ledger.add([value], of=of, epochs=[{"score": value, "parameters": size}])
    larger = "Each plain cell to compare with is larger: this one has 1,500 parameters, not 1,000."
    found = gain(ledger)
    assert found is not None
    assert (found.number, found.plain, found.source) == (2, 1, "search")
    assert found.sentence.endswith(larger)
    for trial, value in ((2, 0.9), (1, 0.7)):
        ledger.study.set_user_attr(f"finalized:{trial}", final([value] * 2, [value, value + 0.01]))
    found = gain(ledger)
    assert found is not None
    assert (found.plain, found.source) == (1, "test")
    assert found.sentence.endswith(larger)
    ledger.add(
        [0.5], of=candidate("gru", "gd", s=1.0), epochs=[{"score": 0.5, "parameters": 900.0}]
    )
    found = gain(ledger)
    assert found is not None, "one that is no larger was not finalized"
    assert (found.plain, found.source) == (3, "search")


def test_a_plain_cell_that_is_the_best_is_told_as_such() -> None:
    ledger = Ledger({"score": "maximize"})
    ledger.add([0.9], of=candidate("lstm", "gd", s=1.0))
    found = gain(ledger)
    assert found is not None
    assert found.sentence.startswith("The plain lstm (trial 0) is the best so far")


def test_without_fresh_validation_near_ties_are_told_apart_as_in_the_search() -> None:
    ledger = Ledger({"score": "maximize"}, repeats=3)
    for value, spread, size in ((0.900, 0.05, 900.0), (0.899, 0.001, 100.0)):
        metrics, known = {"score": value, "parameters": size}, {"spread": {"score": spread}}
        ledger.add([value], of=candidate("lstm", "adam"), epochs=[metrics], **known)
    ledger.add([0.5], of=candidate("lstm", "gd", s=1.0), epochs=[{"score": 0.5, "parameters": 9.0}])
    for number, test in ((0, 0.7), (1, 0.6), (2, 0.5)):
        known = {**final([], [test, test + 0.02]), "validation": {}}
        ledger.study.set_user_attr(f"finalized:{number}", known)
    assert (found := gain(ledger)) is not None
    assert (found.number, found.source) == (1, "test")


def test_without_fresh_validation_the_search_says_which_is_the_best() -> None:
    ledger = repeated()
    for number, test in ((0, 0.5), (1, 0.7), (3, 0.6)):
        known = {**final([], [test, test + 0.02]), "validation": {}}
        ledger.study.set_user_attr(f"finalized:{number}", known)
    found = gain(ledger)
    assert found is not None
    assert (found.number, found.plain, found.source) == (1, 3, "test")


def test_equal_scores_are_no_difference_however_often_they_were_trained() -> None:
    ledger = Ledger({"score": "maximize"})
    ledger.add([0.9], of=candidate("lstm", "adam"))
    ledger.add([0.9], of=candidate("lstm", "gd", s=1.0))
    found = gain(ledger)
    assert found is not None
    assert found.sentence.startswith("No difference seen between trial 0 and the plain lstm")
