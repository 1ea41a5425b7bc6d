"""Halving over plain results, as users' own trainables tell them."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from optcell_search.tuning.search.schedulers import MOASHAScheduler

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP
BOTH = {"accuracy": "maximize", "parameters": "minimize"}


def verdict(scheduler: MOASHAScheduler, name: str, **result: float) -> str:
    return scheduler.on_trial_result(None, SimpleNamespace(trial_id=name), result)


def test_it_works_on_plain_results() -> None:
    scheduler = MOASHAScheduler(BOTH, max_t=9)
    verdicts = [
        verdict(scheduler, f"t{i}", epoch=1, accuracy=1 - i / 10, parameters=10.0 + i)
        for i in range(6)
    ]
    # Each is worse and larger than those before; the fourth place of four is above a third of six.
    assert verdicts == [CONTINUE, CONTINUE, STOP, STOP, STOP, STOP]
    assert verdict(scheduler, "small", epoch=1, accuracy=0.9, parameters=5.0) == CONTINUE
    assert verdict(scheduler, "small", epoch=2, accuracy=0.0, parameters=99.0) == CONTINUE


def test_who_tells_every_fifth_epoch_is_judged_behind_each_rung() -> None:
    scheduler = MOASHAScheduler({"loss": "minimize"}, max_t=100)
    stopped = {}
    for trial in range(30):
        for epoch in range(5, 101, 5):
            if verdict(scheduler, f"t{trial}", epoch=epoch, loss=float(trial)) == STOP:
                stopped[trial] = epoch
                break
    assert stopped == dict.fromkeys(range(2, 30), 15)
    late = [
        verdict(scheduler, "late", epoch=epoch, loss=loss) for epoch, loss in ((20, -1), (40, 9))
    ]
    assert late == [CONTINUE, STOP]


@pytest.mark.parametrize("names", [("loss",), ("loss", "b")])
def test_what_is_no_number_goes_on_nowhere(names: tuple[str, ...]) -> None:
    objectives: dict[str, Any] = dict.fromkeys(names, "minimize")
    scheduler = MOASHAScheduler(objectives, max_t=9, constraints=["size<=5"])
    losses = [float("nan"), 0.3, 0.2, float("inf"), float("nan"), 0.1]
    told = [
        verdict(scheduler, f"t{i}", epoch=1, loss=loss, b=1.0, size=1.0)
        for i, loss in enumerate(losses)
    ]
    assert told == [STOP, CONTINUE, CONTINUE, STOP, STOP, CONTINUE]
    # Nobody knows whether it keeps the constraint, and who does comes first.
    assert verdict(scheduler, "odd", epoch=1, loss=0.0, b=1.0, size=float("nan")) == STOP


def test_results_without_the_objectives_are_no_reason_to_stop() -> None:
    scheduler = MOASHAScheduler(BOTH, max_t=9)
    assert verdict(scheduler, "a", epoch=1, loss=3.0) == CONTINUE


def test_a_scheduler_survives_being_pickled_as_tune_does() -> None:
    scheduler = MOASHAScheduler(BOTH, max_t=9, constraints=["parameters<=12"])
    for i in range(4):
        verdict(scheduler, f"t{i}", epoch=1, accuracy=0.5, parameters=10.0)
    again = pickle.loads(pickle.dumps(scheduler))
    assert verdict(again, "x", epoch=1, accuracy=0.4, parameters=10.0) == STOP
    assert verdict(again, "y", epoch=1, accuracy=0.9, parameters=11.0) == CONTINUE
    assert verdict(again, "z", epoch=1, accuracy=1.0, parameters=13.0) == STOP


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objectives": {"parameters": "minimize"}}, "no objective changes"),
        ({"objectives": {"loss": "min"}}, "loss = 'min'; valid: 'minimize' or 'maximize'"),
        ({"constraints": ["small"]}, "constraint 'small'; valid: METRIC<=NUMBER"),
        ({"grace_period": 0}, "grace = 0"),
    ],
)
def test_what_it_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MOASHAScheduler(**{"objectives": BOTH, "max_t": 9, **options})
