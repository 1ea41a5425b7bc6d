"""A driver that died between the reason of a trial's end and its state leaves the trial open."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from driving import Driver
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from optcell_search.ledger.trials.reasons import cut
from optcell_search.tuning.search.schedulers import make_scheduler
from optcell_search.tuning.worker.job import Job, Report


def half_cut(driver: Driver, name: str, accuracy: float) -> Job:
    """Have a trial tell of an epoch, and its end begun to be written down."""
    job: Job = driver.suggest(name)
    driver.ledger.report(job.number, 1, {"accuracy": accuracy, "parameters": 9.0})
    trial = driver.ledger.trials()[job.number]
    storage = driver.ledger._storage.optuna
    storage.set_trial_user_attr(trial._trial_id, "reason", cut("the time is used up"))
    return job


def test_it_is_taken_up_and_counts_once(drivers: Any) -> None:
    driver = drivers(num_trials=2)
    driver.finish("a", driver.suggest("a"))
    left = half_cut(driver, "b", 0.5)
    driver.open()
    assert (driver.ledger.cut, driver.ledger.unfinished) == (0, 1)
    again = driver.suggest("c")
    assert again.number == left.number
    driver.finish("c", again)
    assert driver.suggest("d") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE"] * 2
    assert driver.ledger.unfinished == 0


def test_what_it_had_at_a_rung_is_there_for_others(drivers: Any) -> None:
    driver = drivers(num_trials=9, epochs=9)
    for name in "ab":
        job = half_cut(driver, name, 0.9)
        driver.ledger.report(job.number, 2, {"accuracy": 0.9, "parameters": 9.0})
    scheduler = make_scheduler(driver.request, driver.ledger.trials())
    job = driver.suggest("c")
    report = Report(number=job.number, epoch=1, metrics={1: {"accuracy": 0.1}})
    trial = SimpleNamespace(config={"job": job})
    verdict = scheduler.on_trial_result(None, trial, {"report": report})
    assert verdict == TrialScheduler.STOP
