"""How sure the numbers are, compared with cases worked out by hand and with scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ledgers import TWO, Ledger, board_of, candidate, data_of
from optuna.trial import TrialState
from scipy import stats

from optcell_search import results
from optcell_search.dashboard.content import curves_to_compare
from optcell_search.dashboard.info import diagnosis, response
from optcell_search.dashboard.info.uncertainty.gain import Gain, gain
from optcell_search.dashboard.info.uncertainty.intervals import Interval, Moments, difference
from optcell_search.dashboard.info.uncertainty.standings import Standings, standings

SCORES = (0.81, 0.84, 0.79, 0.85, 0.83)
OTHERS = (0.78, 0.80, 0.77)


def test_an_interval_of_a_mean_is_students() -> None:
    found = Moments.of(SCORES).interval
    expected = stats.ttest_1samp(SCORES, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.amount) == (pytest.approx(0.824), 5)
    assert Moments.of([0.5]).interval == Interval(0.5, None, None, 1)


def test_a_difference_of_means_is_welchs() -> None:
    found = difference(Moments.of(SCORES), Moments.of(OTHERS))
    expected = stats.ttest_ind(SCORES, OTHERS, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.excludes_zero
    assert not difference(Moments.of(SCORES), Moments.of(SCORES)).excludes_zero
    assert difference(Moments.of([0.9]), Moments.of(OTHERS)).low is None
    same = difference(Moments.of([0.5, 0.5]), Moments.of([0.25, 0.25]))
    assert (same.low, same.high) == (0.25, 0.25)


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


def repeated(direction: str = "maximize", spread: float = 0.01, repeats: int = 3) -> Ledger:
    """The best lstm is trial 1; trial 2 is the plain lstm, 3 a better plain gru."""
    sign = 1.0 if direction == "maximize" else -1.0
    ledger = Ledger({"score": direction}, repeats=repeats)
    for cell, rule, value, options in (
        ("lstm", "heavy_ball", 0.80, {}),
        ("lstm", "adam", 0.90, {}),
        ("lstm", "gd", 0.85, {"s": 1.0}),
        ("gru", "gd", 0.89, {"s": 1.0}),
        ("lstm", "gd", 0.88, {"s": 0.5}),
    ):
        of = candidate(cell, rule, **options)
        known = {"spread": {"score": spread, "parameters": 0.0}} if repeats > 1 else {}
        ledger.add([sign * value], of=of, **known)
    return ledger


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_gain_is_over_the_best_plain_cell_of_the_same_kind(direction: str) -> None:
    found = gain(data_of(repeated(direction)))
    assert isinstance(found, Gain)
    assert (found.number, found.plain, found.cell, found.source) == (1, 2, "lstm", "search")
    # Two means of three, of the same spread: t of 4 degrees of freedom, times 0.01 √(2/3).
    half = float(stats.t.ppf(0.975, 4)) * 0.01 * math.sqrt(2 / 3)
    assert found.gain.mean == pytest.approx(0.05)
    assert (found.gain.low, found.gain.high) == pytest.approx((0.05 - half, 0.05 + half))
    assert found.seen
    assert "gains +0.05 in validation score over the plain lstm (trial 2)" in found.sentence


def test_where_the_interval_holds_zero_no_difference_is_seen() -> None:
    found = gain(data_of(repeated(spread=0.1)))
    assert found is not None
    assert not found.seen
    assert found.sentence.startswith("No difference seen between trial 1 and the plain lstm")


def test_one_training_of_each_says_nothing_of_how_sure_it_is() -> None:
    found = gain(data_of(repeated(repeats=1)))
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
    found = gain(data_of(ledger))
    assert found is not None
    assert (found.number, found.plain, found.source) == (0, 2, "test")
    assert found.gain == difference(Moments.of([0.70, 0.72]), Moments.of([0.60, 0.62]))
    assert "test score" in found.sentence


def test_without_a_plain_cell_there_is_no_gain() -> None:
    ledger = Ledger({"score": "maximize"})
    ledger.add([0.9], of=candidate("lstm", "adam"))
    ledger.add([0.8], of=candidate("lstm", "gd", s=0.5))
    assert gain(data_of(ledger)) is None
    assert gain(data_of(Ledger({"score": "maximize"}))) is None


def test_a_plain_cell_that_is_the_best_is_told_as_such() -> None:
    ledger = Ledger({"score": "maximize"})
    ledger.add([0.9], of=candidate("lstm", "gd", s=1.0))
    found = gain(data_of(ledger))
    assert found is not None
    assert found.sentence.startswith("The plain lstm (trial 0) is the best so far")


def curve(*values: float) -> list[dict[str, float]]:
    return [{"accuracy": value} for value in values]


def compared() -> Ledger:
    """Adam does best in the end; of rmsprop every trial was stopped after the first epoch."""
    ledger = Ledger({"accuracy": "maximize"}, epochs=3)
    for first, last in ((0.5, 0.9), (0.6, 0.8)):
        ledger.add([last], of=candidate("rnn", "adam"), epochs=curve(first, 0.7, last))
    ledger.add([0.7], of=candidate("rnn", "gd"), epochs=curve(0.35, 0.5, 0.7))
    for value in (0.2, 0.4):
        of = candidate("gru", "rmsprop")
        ledger.add(state=TrialState.PRUNED, of=of, epochs=curve(value))
    ledger.add(state=TrialState.FAIL, of=candidate("gru", "nesterov"), reason="diverged")
    return ledger


def compare(ledger: Ledger) -> Standings:
    board = board_of(ledger)
    return standings(board.data, curves_to_compare(board))


def test_trials_that_were_stopped_take_part_at_the_rung_they_reached() -> None:
    found = compare(compared())
    assert found.rung == 1
    rows = {row.name: row for row in found.rows}
    assert [row.name for row in found.rows] == ["adam", "gd", "rmsprop", "rnn", "gru"]
    adam, rmsprop = rows["adam"], rows["rmsprop"]
    assert adam.early == Moments.of([0.5, 0.6]).interval
    assert adam.final == Moments.of([0.9, 0.8]).interval
    assert (adam.best, adam.number) == (0.9, 0)
    assert rmsprop.early == Moments.of([0.2, 0.4]).interval
    assert (rmsprop.trials, rmsprop.complete, rmsprop.stopped) == (2, 0, 2)
    assert (rmsprop.final, rmsprop.best, rmsprop.number) == (None, None, None)


def test_where_none_was_stopped_all_are_compared_in_the_end() -> None:
    ledger = Ledger({"loss": "minimize"})
    ledger.add([0.5], of=candidate("rnn", "adam"))
    ledger.add([0.3], of=candidate("rnn", "gd"))
    found = compare(ledger)
    assert found.rung == 0
    assert [(row.name, row.early.mean) for row in found.rows] == [
        ("gd", 0.3), ("adam", 0.5), ("rnn", 0.4),
    ]  # fmt: skip


def test_a_rule_whose_trials_were_all_stopped_keeps_its_card() -> None:
    adam, gd, rmsprop = response.responses(data_of(compared()))
    assert adam.sentence.startswith("Best 0.9 of 2 trials, ")
    assert gd.sentence.startswith("Best 0.7 of 1 trial, ")
    assert (rmsprop.rule, rmsprop.numbers, rmsprop.stopped) == ("rmsprop", (), 2)
    assert rmsprop.sentence == (
        "All of its 2 trials were stopped early; the best of them had 0.4 after epoch 1 (trial 4)."
    )


def test_trials_that_were_stopped_are_counted_with_the_others() -> None:
    ledger = compared()
    ledger.add(state=TrialState.PRUNED, of=candidate("rnn", "gd"), epochs=curve(0.1))
    gd = {answer.rule: answer for answer in response.responses(data_of(ledger))}["gd"]
    assert gd.sentence.startswith("Best 0.7 of 2 trials (1 of them stopped early), ")


def test_the_spread_over_repeats_is_in_the_table() -> None:
    table = results.frame(repeated().study)
    assert list(table["score_std"]) == [0.01] * 5
    assert "parameters_std" not in table, "the same in every repeat"
    assert "score_std" not in results.frame(repeated(repeats=1).study)


def test_a_confusion_tells_each_class() -> None:
    ledger = Ledger(TWO)
    number = ledger.add([0.9, 10.0])
    record = {"kind": "confusion", "classes": ["walk", "run", "sit"]}
    record["matrix"] = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]  # type: ignore[assignment]
    scored = {"validation": {"accuracy": [0.8]}, "test": {"accuracy": [0.85]}}
    ledger.study.set_user_attr(
        f"finalized:{number}", {"seeds": [1], "epochs": 1, **scored, "diagnosis": record}
    )
    (found,) = diagnosis.confusions(data_of(ledger))
    walk, run, sit = found.scores
    assert walk == diagnosis.ClassScore("walk", 10, 8 / 9, 0.8, 16 / 19)
    assert (run.precision, run.recall) == (9 / 11, 0.9)
    assert (sit.amount, sit.precision, sit.recall, sit.f1) == (0, None, None, None)
    assert diagnosis.residuals(data_of(ledger)) == ()


def test_residuals_are_told_by_mean_and_deviation() -> None:
    ledger = Ledger(TWO)
    number = ledger.add([0.9, 10.0])
    record = {"kind": "residuals", "target": [1.0, 2.0, 3.0], "predicted": [1.5, 2.5, 2.5]}
    scored = {"validation": {"rmse": [0.8]}, "test": {"rmse": [0.85]}}
    ledger.study.set_user_attr(
        f"finalized:{number}", {"seeds": [1], "epochs": 1, **scored, "diagnosis": record}
    )
    (found,) = diagnosis.residuals(data_of(ledger))
    assert (found.mean, found.deviation) == pytest.approx((1 / 6, np.std([0.5, 0.5, -0.5], ddof=1)))
    assert found.predicted == (1.5, 2.5, 2.5)
