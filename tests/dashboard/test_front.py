"""The overview, the front and the comparison of runs, compared with cases worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from ledgers import TWO, Ledger, candidate, data_of, two_objectives
from optuna.trial import TrialState

from optcell_search.dashboard.info import compare, front, overview, progress
from optcell_search.dashboard.info.data import Axis
from optcell_search.dashboard.info.differences import differences

FIVE = {
    "accuracy": "maximize",
    "parameters": "minimize",
    "loss": "minimize",
    "latency_ms": "minimize",
    "train_seconds": "minimize",
}


def test_overview_names_the_best_of_each_objective_and_the_knee() -> None:
    found = overview.overview(data_of(two_objectives()))
    assert found.counts == {"COMPLETE": 4, "FAIL": 1}
    assert found.reasons == {"diverged": 1}
    assert found.message == ""
    assert [(pick.role, pick.number) for pick in found.picks] == [
        ("best accuracy", 0),
        ("fewest parameters", 3),
        ("knee", 1),
    ]
    assert found.picks[0].values == {"accuracy": 0.9, "parameters": 100.0}
    assert found.picks[1].description == "rnn × gd (s 0.4); hidden 32 · layers 1; rmsprop, lr 0.001"


def test_progress_tells_what_is_done_what_is_left_and_who_works() -> None:
    ledger = Ledger(TWO, num_trials=8, time_limit=100.0, epochs=4)
    steps = [{"accuracy": 0.1, "loss": 1.0}]
    ledger.add([0.9, 1.0], epochs=steps)
    ledger.add(state=TrialState.FAIL, reason="diverged")
    ledger.add(state=TrialState.RUNNING, epochs=steps)
    ledger.study.set_user_attr("searched_seconds", 30.0)
    found = progress.progress(data_of(ledger))
    assert (found.done, found.asked, found.spent, found.limit) == (2, 8, 30.0, 100.0)
    # Six more at 15 s each would be 90, but the time is used up before.
    assert found.left == 70.0
    assert found.working == (progress.Working("host:1", 2, 1, 4),)
    ledger.study.set_user_attr("ended", "the time is used up")
    found = progress.progress(data_of(ledger))
    assert (found.left, found.ended) == (None, "the time is used up")
    done = progress.progress(data_of(two_objectives()))
    assert (done.done, done.left, done.working) == (5, None, ()), "nothing is in training"


def test_a_row_that_is_best_in_all_is_named_once() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 1.0])
    ledger.add([0.8, 2.0])
    picks = overview.overview(data_of(ledger)).picks
    assert [(pick.role, pick.number) for pick in picks] == [
        ("best accuracy, fewest parameters, knee", 0)
    ]


def test_hypervolume_is_a_share_of_the_box_of_all_values() -> None:
    found = overview.overview(data_of(two_objectives()))
    # Steps of the front in the box of 0.8 by 99: widths times heights above the worst accuracy.
    area = (0.8 - 0.1) * (100 - 10) + (0.1 - 0.1) * (10 - 1)
    assert found.hypervolume == pytest.approx(area / (0.8 * 99))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "No trial yet. The views fill as soon as the first ones finish."),
        ([TrialState.COMPLETE], "One trial is finished. Comparing starts with the second."),
        ([TrialState.COMPLETE] * 2, ""),
        ([TrialState.RUNNING], "No trial is complete yet."),
        ([TrialState.FAIL] * 2, "No trial is complete. 2 trials failed: out of memory (2)."),
    ],
)
def test_message_where_there_is_little_to_show(states: list[TrialState], message: str) -> None:
    ledger = Ledger(TWO)
    for state in states:
        values = [0.5, 1.0] if state == TrialState.COMPLETE else None
        ledger.add(values, state=state, reason="out of memory")
    assert overview.overview(data_of(ledger)).message == message


def test_message_where_no_trial_keeps_the_constraints() -> None:
    ledger = Ledger(TWO, constraints=["parameters<=5"])
    ledger.add([0.9, 10.0], constraints={"parameters<=5": 5.0})
    data = data_of(ledger)
    assert "none keeps the constraints" in overview.overview(data).message
    assert front.front(data) == front.Front(
        numbers=(),
        knee=None,
        axes=(Axis("accuracy", "validation accuracy"), Axis("parameters", "parameters")),
        infeasible=(0,),
    )


def test_front_of_two_objectives() -> None:
    assert front.front(data_of(two_objectives())) == front.Front(
        numbers=(0, 1, 3),
        knee=1,
        axes=(Axis("accuracy", "validation accuracy"), Axis("parameters", "parameters", log=True)),
        infeasible=(),
    )


def test_a_front_holds_ties_once_each_but_no_duplicates() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 10.0])
    ledger.add([0.9, 10.0], of=candidate("gru"))  # as good: on the front as well
    ledger.add([0.9, 10.0], duplicate_of=0)  # the same candidate again: not ranked
    ledger.add([0.9, 11.0])  # beaten
    ledger.add([0.8, 10.0])  # beaten
    assert front.front(data_of(ledger)).numbers == (0, 1)


def test_what_is_no_number_is_on_no_front() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.5, 10.0])
    ledger.add([math.inf, 1.0])
    ledger.add(state=TrialState.PRUNED, epochs=[{"accuracy": 0.99, "parameters": 1.0}])
    ledger.add(state=TrialState.FAIL, epochs=[{"accuracy": math.nan, "parameters": 1.0}])
    found = front.front(data_of(ledger))
    assert (found.numbers, found.knee) == ((0,), 0)


@pytest.mark.parametrize(("direction", "best"), [("minimize", 2), ("maximize", 1)])
def test_one_objective_has_a_best_and_no_knee(direction: str, best: int) -> None:
    ledger = Ledger({"score": direction})
    for value in (3.0, 4.0, 1.0):
        ledger.add([value])
    found = front.front(data_of(ledger))
    assert (found.numbers, found.knee) == ((best,), None)


def test_with_five_objectives_one_good_one_is_enough_to_be_on_the_front() -> None:
    ledger = Ledger(FIVE)
    ledger.add([0.9, 2.0, 3.0, 4.0, 5.0])
    ledger.add([0.9, 1.0, 9.0, 9.0, 9.0])
    ledger.add([0.9, 2.0, 3.0, 4.0, 5.1])
    found = front.front(data_of(ledger))
    assert found.numbers == (1, 0)
    assert [axis.name for axis in found.axes] == list(FIVE)


def test_growth_of_the_front_over_trials_and_time() -> None:
    ledger = Ledger(TWO)
    # The box is 0.8 wide and 9 high; trials end at 7, 17, 27 and 37 seconds.
    ledger.add([0.1, 1.0])
    ledger.add([0.5, 10.0])
    ledger.add(state=TrialState.FAIL, reason="diverged")
    ledger.add([0.9, 4.0])
    grown = front.growth(data_of(ledger))
    assert grown.finished == (1, 2, 4)
    assert grown.seconds == (7.0, 17.0, 37.0)
    assert grown.size == (1, 2, 2)
    assert grown.value == pytest.approx((0.0, 0.0, 6 * 0.8 / (9 * 0.8)))
    assert grown.earlier == {0.25: (0,), 0.5: (0, 1), 0.75: (0, 1)}


def test_growth_follows_the_order_in_which_trials_ended() -> None:
    ledger = Ledger({"score": "minimize"})
    for value in (1.0, 5.0, 3.0):
        ledger.add([value])
    trials = ledger.study.get_trials(deepcopy=False)
    trials[0].datetime_complete = trials[2].datetime_complete.replace(minute=30)  # type: ignore[union-attr]
    again = Ledger({"score": "minimize"})
    again.study.add_trials(trials)
    assert front.growth(data_of(again)).value == (5.0, 3.0, 1.0)


def test_growth_of_nothing_is_empty() -> None:
    assert front.growth(data_of(Ledger(TWO))) == front.Growth((), (), (), (), {})


def test_a_trial_whose_end_is_lost_is_left_out_of_how_the_front_grew() -> None:
    data = data_of(two_objectives())
    whole = front.growth(data)
    lost = replace(
        data, table=data.table.assign(seconds=[float("nan"), *data.table["seconds"][1:]])
    )
    assert front.growth(lost).finished[-1] == whole.finished[-1] - 1
    gone = replace(data, table=data.table.assign(started=pd.NaT))
    assert front.growth(gone) == front.Growth((), (), (), (), {})


def test_comparison_lays_runs_into_one_box() -> None:
    good, bad = Ledger(TWO), Ledger(TWO, task="mnist")
    good.add([1.0, 2.0])
    good.add([0.5, 1.0])
    bad.add([0.0, 3.0])
    bad.add([0.5, 2.0])
    found = compare.compare({"good": data_of(good), "bad": data_of(bad)})
    assert found.objectives == TWO
    assert found.standings[0] == compare.Standing(
        name="good",
        task="digits",
        trials=2,
        complete=2,
        seconds=17.0,
        best={"accuracy": 1.0, "parameters": 1.0},
        front=((0.5, 1.0), (1.0, 2.0)),
        # Of the box from (0, 3) to (1, 1): 1 by 1, and 0.5 by 1 above it.
        volume=pytest.approx(0.75),
    )
    assert found.standings[1].volume == pytest.approx(0.25)


def test_what_differs_between_runs_is_told_by_part() -> None:
    space: dict[str, Any] = {"cells": ["gru"], "rule": {"adam": {"mu": {"low": 0.0, "high": 0.9}}}}
    space["odd"] = [{"a": 1, "b": 2}]
    other: dict[str, Any] = {
        "cells": ["gru", "lstm"],
        "rule": {"adam": {"mu": 0.5}},
        "description": "its own",
    }
    other["odd"] = [{"a": 1, "b": 3}]
    same = {"data_fingerprint": "ab" * 32}
    one = Ledger(TWO, space=space, run_id="a", seed=1, first=[], **same)
    tried = [{"cell": {"name": "gru"}}]
    two = Ledger(TWO, space=other, run_id="b", seed=2, time_limit=18000.0, first=tried, **same)
    found = {(d.part, d.name): d.values for d in differences([data_of(one), data_of(two)])}
    none, one_tried = found.pop(("request", "candidates tried first"))
    assert (none, one_tried[:3]) == ("0", "1 (")
    assert found == {
        ("space", "cells"): ("gru", "gru, lstm"),
        ("space", "description"): (None, "its own"),
        ("space", "rule.adam.mu"): ("0 to 0.9", "0.5"),
        ("space", "odd"): ("a 1, b 2", "a 1, b 3"),
        ("request", "seed"): ("1", "2"),
        ("request", "time limit"): (None, "18,000"),
    }
    third = Ledger({"loss": "minimize"}, task="mnist", space=space, seed=1)
    parts = [d.part for d in differences([data_of(one), data_of(third)])]
    assert parts == ["data", "data", "request", "request"]
    parts = [d.part for d in differences([data_of(one), data_of(two)])]
    assert parts == sorted(parts, key=["data", "space", "request"].index)
    assert differences([data_of(one), data_of(one)]) == ()


def test_what_hardly_differs_differs() -> None:
    """As many candidates that are others, and numbers that are alike in four digits."""
    one, two = (
        Ledger(TWO, space={"lr": lr}, run_id=name, first=[{"cell": {"name": name}}])
        for lr, name in ((0.1, "gru"), (0.1000001, "rnn"))
    )
    lr, first = differences([data_of(one), data_of(two)])
    assert lr.values == ("0.1", "0.1000001")
    assert first.name == "candidates tried first"
    assert [value[:3] for value in first.values if value] == ["1 ("] * 2


def test_runs_with_other_objectives_have_no_common_volume() -> None:
    one, other = Ledger(TWO), Ledger({"loss": "minimize"})
    one.add([0.5, 1.0])
    found = compare.compare({"one": data_of(one), "other": data_of(other)})
    assert found.objectives == {}
    assert [standing.volume for standing in found.standings] == [None, None]
    assert found.standings[1].best == {}
