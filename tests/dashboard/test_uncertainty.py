"""How sure the numbers are, compared with cases worked out by hand and with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from ledgers import TWO, Ledger, board_of, candidate, data_of
from optuna.trial import TrialState

from optcell_search import results
from optcell_search.dashboard.content import curves_to_compare
from optcell_search.dashboard.info import diagnosis, response
from optcell_search.dashboard.info.uncertainty.standings import Standings, standings
from optcell_search.ledger.trials.reasons import BY_HAND, cut
from optcell_search.results.intervals import Moments


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


@pytest.mark.parametrize("reason", [cut("the time is used up"), BY_HAND])
def test_what_ended_with_the_search_or_by_hand_makes_no_rung(reason: str) -> None:
    ledger = Ledger({"accuracy": "maximize"}, epochs=3)
    # Gd begins slowly, and is better in the end.
    ledger.add([0.9], of=candidate("rnn", "gd"), epochs=curve(0.1, 0.5, 0.9))
    ledger.add([0.6], of=candidate("rnn", "adam"), epochs=curve(0.4, 0.5, 0.6))
    state = TrialState.PRUNED
    ledger.add(state=state, of=candidate("rnn", "adam"), epochs=curve(0.3), reason=reason)
    found = compare(ledger)
    assert found.rung == 0
    rules = [(row.name, row.trials, row.stopped) for row in found.rows if row.kind == "rule"]
    assert rules == [("gd", 1, 0), ("adam", 1, 0)]


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
    assert found.worst == (), "a record from before it was noted"


def test_what_is_told_most_wrong_is_drawn() -> None:
    ledger = Ledger(TWO)
    number = ledger.add([0.9, 10.0])
    one = {
        "index": 17, "true": "run", "predicted": "walk", "probability": 0.9,
        "true_probability": 0.05, "values": [[1, 2.5], [0, 1]],
    }  # fmt: skip
    record = {"kind": "confusion", "classes": ["walk", "run"], "matrix": [[1, 0], [1, 1]]}
    scored = {"validation": {"accuracy": [0.8]}, "test": {"accuracy": [0.85]}}
    known = {"seeds": [1], "epochs": 1, **scored, "diagnosis": {**record, "worst": [one]}}
    ledger.study.set_user_attr(f"finalized:{number}", known)
    (found,) = diagnosis.confusions(data_of(ledger))
    assert found.worst == (diagnosis.Wrong(17, "run", "walk", 0.9, 0.05, ((1.0, 2.5), (0.0, 1.0))),)


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
    assert found.ahead == (), "no forecast"


def test_a_single_residual_has_no_deviation() -> None:
    ledger = Ledger(TWO)
    number = ledger.add([0.9, 10.0])
    record = {"kind": "residuals", "target": [1.0], "predicted": [1.5]}
    scored = {"validation": {"rmse": [0.8]}, "test": {"rmse": [0.85]}}
    ledger.study.set_user_attr(
        f"finalized:{number}", {"seeds": [1], "epochs": 1, **scored, "diagnosis": record}
    )
    (found,) = diagnosis.residuals(data_of(ledger))
    assert (found.mean, found.deviation) == (0.5, None)


def test_forecasts_one_step_ahead_are_kept_in_the_order_of_time() -> None:
    ledger = Ledger(TWO)
    number = ledger.add([0.9, 10.0])
    record = {
        "kind": "residuals", "name": "+1, +2", "names": ["+1", "+2"], "value": [0, 1, 0, 1],
        "target": [1.0, 2.0, 3.0, 4.0], "predicted": [1.5, 2.5, 2.5, 4.0],
    }  # fmt: skip
    scored = {"validation": {"rmse": [0.8]}, "test": {"rmse": [0.85]}}
    ledger.study.set_user_attr(
        f"finalized:{number}", {"seeds": [1], "epochs": 1, **scored, "diagnosis": record}
    )
    (found,) = diagnosis.residuals(data_of(ledger))
    assert found.ahead == (0, 2)
