"""When a search ends: by its time, its goal, its patience."""

from __future__ import annotations

from typing import Any

from driving import Driver, run_out_of_memory
from ray.tune.search import Searcher

from optcell_search.tuning.search.budget import Budget
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def with_clock(driver: Driver) -> Clock:
    clock = Clock()
    driver.searcher = LedgerSearch(driver.ledger, driver.folder, Budget.of(driver.ledger, clock))
    return clock


def test_when_the_time_is_up_no_trial_starts_and_the_running_end(drivers: Any) -> None:
    driver = drivers(num_trials=None, time="1m")
    clock = with_clock(driver)
    driver.finish("a", driver.suggest("a"))
    job = driver.suggest("b")
    running = Report(number=job.number, epoch=1, metrics={1: {"accuracy": 0.5}})
    assert not driver.searcher.stops(running)
    clock.now = 60.0
    assert driver.suggest("c") == Searcher.FINISHED
    assert driver.searcher.stops(running)
    assert not driver.searcher.finished
    driver.finish("b", job, epoch=1)
    assert driver.states() == ["COMPLETE", "PRUNED"]
    assert driver.searcher.finished
    assert driver.searcher.ended == "the time is used up"


def test_a_generation_that_time_cuts_short_is_told(drivers: Any) -> None:
    driver = drivers(num_trials=9, time="1m", workers=3, deterministic=True)
    clock = with_clock(driver)
    first, second = driver.suggest("a"), driver.suggest("b")
    driver.finish("b", second)
    driver.finish("a", first)
    assert driver.states() == ["RUNNING", "RUNNING"]
    clock.now = 60.0
    assert driver.suggest("c") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE", "COMPLETE"]
    assert driver.searcher.finished


def test_what_is_to_try_again_when_time_is_up_waits_for_more(drivers: Any) -> None:
    driver = drivers(num_trials=9, time="1m", workers=2, deterministic=True, gpus_per_trial=0.5)
    clock = with_clock(driver)
    first, second = driver.suggest("a"), driver.suggest("b")
    driver.finish("b", second)
    clock.now = 60.0
    assert driver.suggest("c") == Searcher.FINISHED
    run_out_of_memory(driver, "a", first)
    assert driver.states() == ["RUNNING", "COMPLETE"]
    assert driver.searcher.finished
    driver.ledger.requeue()
    assert driver.states() == ["WAITING", "COMPLETE"]


def test_a_trial_that_takes_too_long_fails(drivers: Any) -> None:
    driver = drivers(num_trials=2, trial_time=10)
    for name, seconds in (("a", 9.0), ("b", 11.0)):
        job = driver.suggest(name)
        metrics = {1: {"accuracy": 0.5, "train_seconds": seconds}}
        report = Report(number=job.number, epoch=1, metrics=metrics)
        assert driver.searcher.stops(report) == (seconds > 10)
        driver.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})
    assert driver.states() == ["PRUNED", "FAIL"]
    assert driver.ledger.trials()[1].user_attrs["reason"] == "too slow"
    # One that has come to its end is what it is.
    done = Report(number=1, epoch=2, metrics={2: {"train_seconds": 99.0}}, done=True)
    assert not driver.searcher.stops(done)


def test_the_search_ends_with_its_goal_and_resumes_to_that(drivers: Any) -> None:
    driver = drivers(num_trials=9, until=["accuracy>=0.9"])
    driver.finish("a", driver.suggest("a"), accuracy=0.8)
    driver.finish("b", driver.suggest("b"), accuracy=0.9)
    assert driver.suggest("c") == Searcher.FINISHED
    driver.open()
    assert driver.searcher.ended == "accuracy>=0.9 is reached"
    assert driver.searcher.finished


def test_patience_of_a_deterministic_search_ends_with_a_generation(drivers: Any) -> None:
    driver = drivers(num_trials=20, workers=3, deterministic=True, patience=4)
    done = 0
    while isinstance(job := driver.suggest(f"t{done}"), Job):
        driver.finish(f"t{done}", job, accuracy=0.5)
        done += 1
    # The first is the front; four in vain are full with the fifth, in the second generation.
    assert driver.states() == ["COMPLETE"] * 6
    assert driver.searcher.ended == "no better front in 5 trials"
