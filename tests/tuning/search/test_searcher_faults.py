"""What the searcher makes of trials that fail: give up, try again, or wait."""

from __future__ import annotations

from typing import Any

import pytest
from driving import Driver, run_out_of_memory
from optuna.trial import TrialState
from ray.tune.search import Searcher

from optcell_search.ledger.ledger import Ledger
from optcell_search.tuning.worker.job import Job, Report


def test_a_failure_is_told_with_its_reason(drivers: Any) -> None:
    driver = drivers()
    job = driver.suggest("a")
    report = Report(number=job.number, reason="out of memory", detail="1 PiB", done=True)
    driver.searcher.on_trial_complete("a", {"report": report, "worker": "host:1"})
    driver.suggest("b")
    driver.searcher.on_trial_complete("b", error=True)
    driver.searcher.lost("b", "worker died")
    first, second = driver.ledger.trials()
    assert first.user_attrs["reason"] == "out of memory"
    assert first.user_attrs["detail"] == "1 PiB"
    assert (second.state, second.user_attrs["reason"]) == (TrialState.FAIL, "worker died")


def fail(driver: Driver, name: str, reason: str) -> None:
    job = driver.suggest(name)
    report = Report(number=job.number, reason=reason, done=True)
    driver.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})


def test_when_the_first_eight_fail_alike_no_ninth_is_tried(drivers: Any) -> None:
    driver = drivers(num_trials=20, workers=2)
    for i in range(7):
        fail(driver, f"t{i}", f"error: RuntimeError: {i} steps are too few")
        assert not driver.searcher.hopeless
    beside = driver.suggest("beside")
    fail(driver, "t7", "error: RuntimeError: 7 steps are too few")
    assert driver.searcher.hopeless == (
        "the first 8 candidates all failed in the same way: "
        "error: RuntimeError: 0 steps are too few"
    )
    # What is in training may still change that.
    assert driver.suggest("t8") is None
    report = Report(number=beside.number, reason="error: RuntimeError: 9 steps", done=True)
    driver.searcher.on_trial_complete("beside", {"report": report, "worker": "host:1"})
    assert not driver.searcher.hopeless
    assert isinstance(driver.suggest("t9"), Job)


def test_one_that_trains_is_reason_enough_to_go_on(drivers: Any) -> None:
    driver = drivers(num_trials=20)
    driver.finish("first", driver.suggest("first"), epoch=1)
    for i in range(9):
        fail(driver, f"t{i}", "diverged")
    assert not driver.searcher.hopeless
    assert driver.states() == ["PRUNED"] + ["FAIL"] * 9


def test_a_resumed_search_tries_as_many_again(drivers: Any) -> None:
    driver = drivers(num_trials=40)
    for i in range(8):
        fail(driver, f"t{i}", "worker died")
    assert driver.suggest("x") == Searcher.FINISHED
    driver.open()
    for i in range(8):
        assert not driver.searcher.hopeless
        fail(driver, f"u{i}", "worker died")
    assert driver.searcher.hopeless
    assert driver.states() == ["FAIL"] * 16


def test_a_gpu_that_is_too_full_is_shared_with_fewer(drivers: Any) -> None:
    driver = drivers(num_trials=1, gpus_per_trial=0.3)
    shares = []
    for name in "abc":
        job = driver.suggest(name)
        shares.append(job.gpus)
        assert driver.states() == ["RUNNING"]
        run_out_of_memory(driver, name, job)
    assert shares == [0.3, 0.6, 1.0]
    (trial,) = driver.ledger.trials()
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "out of memory")
    assert driver.suggest("d") == Searcher.FINISHED


def test_what_may_come_back_keeps_the_search_waiting(drivers: Any) -> None:
    driver = drivers(num_trials=1, gpus_per_trial=0.5)
    job = driver.suggest("a")
    # After FINISHED Tune would ask no more, and the row would be lost.
    assert driver.suggest("b") is None
    run_out_of_memory(driver, "a", job)
    again = driver.suggest("c")
    assert (again.number, again.candidate, again.gpus) == (0, job.candidate, 1.0)
    driver.finish("c", again)
    assert driver.states() == ["COMPLETE"]
    assert "reason" not in driver.ledger.trials()[0].user_attrs


def test_a_larger_share_outlives_the_driver(drivers: Any) -> None:
    driver = drivers(num_trials=1, gpus_per_trial=0.25)
    run_out_of_memory(driver, "a", driver.suggest("a"))
    driver.open()
    assert driver.suggest("b").gpus == 0.5


@pytest.mark.parametrize("gpus", [0.0, 1.0, 2.0])
def test_where_no_share_is_larger_there_is_no_second_try(drivers: Any, gpus: float) -> None:
    driver = drivers(num_trials=1, gpus_per_trial=gpus)
    run_out_of_memory(driver, "a", driver.suggest("a"))
    assert driver.states() == ["FAIL"]


def test_a_generation_waits_for_a_second_try(drivers: Any) -> None:
    driver = drivers(num_trials=4, workers=2, deterministic=True, gpus_per_trial=0.5)
    first, second = driver.suggest("a"), driver.suggest("b")
    run_out_of_memory(driver, "a", first)
    driver.finish("b", second)
    assert driver.states() == ["RUNNING", "RUNNING"]
    again = driver.suggest("c")
    assert again.number == 0
    driver.finish("c", again)
    assert driver.states() == ["COMPLETE", "COMPLETE"]
    assert driver.suggest("d").number == 2


def test_a_ledger_that_cannot_be_written_is_not_the_trials_failure(
    drivers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = drivers()
    job = driver.suggest("a")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "complete", full)
        driver.finish("a", job)
    assert "No space left on device" in driver.searcher.broken
    # Tune goes on to call the trial failed.
    driver.searcher.lost("a", "worker died")
    assert driver.states() == ["RUNNING"]


def test_a_full_disk_at_a_worker_leaves_the_row_open(drivers: Any) -> None:
    driver = drivers()
    job = driver.suggest("a")
    report = Report(number=job.number, broken="checkpoints /x: No space left", done=True)
    driver.searcher.on_trial_complete("a", {"report": report, "worker": "host:1"})
    assert driver.searcher.broken == "checkpoints /x: No space left"
    assert driver.states() == ["RUNNING"]
