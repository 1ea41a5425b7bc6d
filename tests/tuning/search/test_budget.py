"""When a search is over, with a clock that stands still until it is moved."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.tuning.search.budget import Budget


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_goes_by_from_what_was_spent_before(tiny: str) -> None:
    clock = Clock()
    budget = Budget(a_request(tiny, time="1m"), 45.0, clock)
    assert (budget.spent, budget.over) == (45.0, "")
    clock.now += 14.5
    assert (budget.spent, budget.over) == (59.5, "")
    clock.now += 0.5
    assert budget.over == "the time is used up"


def test_without_a_limit_it_is_never_over(tiny: str) -> None:
    clock = Clock()
    budget = Budget(a_request(tiny), 0.0, clock)
    clock.now += 1e9
    for _ in range(1000):
        budget.note(None)
    assert budget.over == ""


def test_patience_counts_trials_without_a_better_front(tiny: str) -> None:
    request = a_request(tiny, objectives=["accuracy", "parameters"], patience=2)
    budget = Budget(request)
    points: list[Any] = [(0.5, 9), (0.4, 9), (0.4, 8), None, (0.6, 9), (0.6, 9)]
    for point in points:
        metrics = point and {"accuracy": point[0], "parameters": point[1]}
        budget.note(metrics)
        assert budget.over == "", point
    # Dominated, as good as one there is, failed: nothing of that makes the front better.
    budget.note({"accuracy": 0.4, "parameters": 8})
    assert budget.over == "no better front in 2 trials"


def test_it_ends_with_one_trial_that_keeps_every_bound(tiny: str) -> None:
    budget = Budget(a_request(tiny, until=["accuracy >= 0.9", "parameters<=50"]))
    budget.note({"accuracy": 0.95, "parameters": 51})
    budget.note({"accuracy": 0.85, "parameters": 50})
    assert budget.over == ""
    budget.note({"accuracy": 0.9, "parameters": 50})
    assert budget.over == "accuracy>=0.9 and parameters<=50 is reached"


def test_repeats_count_together_towards_the_time_of_a_trial(tiny: str) -> None:
    budget = Budget(a_request(tiny, trial_time="10s", repeats=2))
    assert not budget.too_slow({"train_seconds": 5.0})
    assert budget.too_slow({"train_seconds": 5.1})
    assert not Budget(a_request(tiny)).too_slow({"train_seconds": 1e9})


def test_it_is_taken_up_from_the_ledger_in_the_order_trials_ended(
    tiny: str, tmp_path: Path
) -> None:
    request = a_request(tiny, num_trials=9, patience=2, constraints=["parameters<=50"])
    ledger = make_ledger(request, tmp_path)
    trials = [ledger.ask(request.search_space, RandomSampler(seed=i)) for i in range(4)]
    good, bad = {"accuracy": 0.5, "parameters": 9.0}, {"accuracy": 0.9, "parameters": 51.0}
    ledger.fail(trials[3].number, "diverged")
    ledger.complete(trials[2].number, good)
    ledger.complete(trials[0].number, bad)
    assert Budget.of(ledger).over == ""
    ledger.prune(trials[1].number, good)
    assert Budget.of(ledger).over == "no better front in 2 trials"
    ended = [trial.datetime_complete or datetime.max for trial in ledger.trials()]
    assert ended[3] <= ended[2] <= ended[0] + timedelta(0)
    ledger.note("searched_seconds", 12.5)
    assert Budget.of(ledger, Clock()).spent == 12.5


@pytest.mark.parametrize("num_trials", [1, None])
def test_a_time_alone_is_enough(tiny: str, num_trials: int | None) -> None:
    request = a_request(tiny, num_trials=num_trials, time=90)
    assert (request.num_trials, request.time_limit) == (num_trials or 0, 90.0)


def test_a_damaged_record_counts_by_its_values(tiny: str, tmp_path: Path) -> None:
    ledger = make_ledger(a_request(tiny, until=["accuracy>=0.9"]), tmp_path)
    trial = ledger.ask(ledger.request.search_space, RandomSampler(seed=0))
    assert trial is not None
    ledger.complete(trial.number, {"accuracy": 0.95})
    # As a stranger's study may have it: this trial's metrics lack what was aimed at.
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute("UPDATE trial_user_attributes SET value_json = '{\"number\": 1}' "
                           "WHERE key = 'metrics'")  # fmt: skip
    ledger.close()
    again = open_ledger(ledger.request, tmp_path)
    assert Budget.of(again).over == "accuracy>=0.9 is reached"
    again.close()
