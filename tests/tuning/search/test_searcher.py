"""The searcher as Tune drives it, without Tune: suggest, report, complete, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from optuna.trial import TrialState
from ray.tune.search import Searcher
from runs import SMALL_SPACE, SPACE, a_request

from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.space import SearchSpace
from optcell_search.tuning.extending import take_up
from optcell_search.tuning.search.budget import Budget
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report

ONE_CANDIDATE = {
    **SPACE,
    "rules": ["gd"],
    "rule": {"gd": {"s": 1.0}},
    "model": {"hidden_size": 2},
    "training": {"lr": 0.01},
}


class Driver:
    """Plays Tune: hands out names and results."""

    def __init__(self, task: str, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.request = a_request(task, **changes)
        make_ledger(self.request, folder).close()
        self.open()

    def open(self) -> None:
        self.ledger = open_ledger(self.request, self.folder)
        self.ledger.requeue()
        self.searcher = LedgerSearch(self.ledger, self.folder)

    def suggest(self, name: str) -> Any:
        config = self.searcher.suggest(name)
        return config["job"] if isinstance(config, dict) else config

    def finish(self, name: str, job: Job, accuracy: float = 0.5, epoch: int = 2) -> None:
        metrics = {"accuracy": accuracy, "parameters": 9.0}
        report = Report(
            number=job.number,
            epoch=epoch,
            metrics={epoch: metrics},
            done=epoch == self.request.epochs,
        )
        self.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})

    def states(self) -> list[str]:
        return [trial.state.name for trial in self.ledger.trials()]


@pytest.fixture
def drivers(tiny: str, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(folder: str = "run", **changes: Any) -> Driver:
            (tmp_path / folder).mkdir()
            driver = Driver(tiny, tmp_path / folder, **changes)
            stack.callback(lambda: driver.ledger.close())
            return driver

        yield make


def test_it_asks_until_the_ledger_lacks_nothing(drivers: Any) -> None:
    driver = drivers(num_trials=3)
    for name in "abc":
        driver.finish(name, driver.suggest(name))
    assert driver.suggest("d") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE"] * 3
    assert driver.searcher.finished


def test_a_trial_stopped_before_its_budget_is_pruned(drivers: Any) -> None:
    driver = drivers()
    driver.finish("a", driver.suggest("a"), epoch=1)
    assert driver.states() == ["PRUNED"]


def test_a_trial_that_somebody_wishes_to_end_is_pruned_with_what_it_has(drivers: Any) -> None:
    driver = drivers(num_trials=2, workers=2)
    jobs = [driver.suggest(name) for name in ("a", "b")]
    driver.ledger.study.set_user_attr(f"prune:{jobs[1].number}", True)
    reports = [
        Report(number=job.number, epoch=1, metrics={1: {"accuracy": 0.5, "train_seconds": 1.0}})
        for job in jobs
    ]
    assert [driver.searcher.stops(report) for report in reports] == [False, True]
    driver.finish("b", jobs[1], epoch=1)
    assert driver.states() == ["RUNNING", "PRUNED"]


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


def test_a_candidate_is_trained_once(drivers: Any) -> None:
    driver = drivers(space=ONE_CANDIDATE, num_trials=4)
    for _ in range(4):
        # As a user may, by Optuna's own means, who has the same candidate in mind each time.
        driver.ledger.study.enqueue_trial({})
    driver.open()
    job = driver.suggest("a")
    # Trials 1 to 3 are the same candidate, which is in training: nothing is left to hand out.
    assert driver.suggest("b") is None
    assert driver.states() == ["RUNNING"] * 4
    assert not driver.searcher.finished
    driver.finish("a", job, accuracy=0.75)
    assert driver.states() == ["COMPLETE"] * 4
    assert [trial.values for trial in driver.ledger.trials()] == [[0.75]] * 4
    assert [t.user_attrs.get("duplicate_of") for t in driver.ledger.trials()] == [None, 0, 0, 0]


def test_a_run_can_be_extended_while_its_last_trial_is_in_training(drivers: Any) -> None:
    driver = drivers(num_trials=1)
    driver.suggest("a")
    assert driver.suggest("b") is None, "after FINISHED Tune would ask no more"
    take_up(driver.ledger, driver.folder, {"num_trials": 2})
    job = driver.suggest("b")
    assert job.number == 1
    assert driver.suggest("c") is None


def test_a_candidate_completed_before_is_not_trained_again(drivers: Any) -> None:
    driver = drivers(space=ONE_CANDIDATE, num_trials=1)
    driver.finish("a", driver.suggest("a"))
    for _ in range(2):
        driver.ledger.study.enqueue_trial({})
    driver.open()
    assert driver.suggest("b") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE"] * 3


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "nsga2"])
@pytest.mark.parametrize("deterministic", [False, True])
def test_no_trial_goes_to_what_was_tried(drivers: Any, sampler: str, deterministic: bool) -> None:
    options = {"sampler": sampler, "deterministic": deterministic, "workers": 3}
    driver = drivers(space=SMALL_SPACE, num_trials=50, **options)
    run_generations(driver, 1)
    assert driver.states() == ["COMPLETE"] * 8
    assert len(set(keys(driver))) == 8
    assert driver.searcher.finished
    assert driver.searcher.ended == "the space is used up: 8 of 8 candidates"


def test_what_was_refused_comes_again_after_a_crash(drivers: Any) -> None:
    options = {"space": SMALL_SPACE, "num_trials": 8, "workers": 2, "deterministic": True}
    whole, broken = drivers("whole", **options), drivers("broken", **options)
    run_generations(whole, 1)
    for _ in range(2):
        for i in range(2):
            job = broken.suggest(f"x{i}")
            broken.finish(f"x{i}", job, accuracy=job.number / 100)
    broken.open()
    run_generations(broken, 1)
    assert keys(broken) == keys(whole)


def test_candidates_to_try_first_come_first(drivers: Any, tmp_path: Path) -> None:
    chosen = [SearchSpace.from_dict(SMALL_SPACE).sample(seed) for seed in (5, 8)]
    file = tmp_path / "first.toml"
    documents = [as_space(candidate.to_dict()) for candidate in chosen]
    file.write_text(tomli_w.dumps({"candidate": documents}))
    for sampler in ("tpe", "grid"):
        driver = drivers(sampler, space=SMALL_SPACE, num_trials=8, sampler=sampler, first=file)
        driver.finish("a", driver.suggest("a"))
        driver.open()
        run_generations(driver, 1)
        assert keys(driver)[:2] == [candidate.key for candidate in chosen]
        assert len(set(keys(driver))) == 8


def as_space(candidate: dict[str, Any]) -> dict[str, Any]:
    """A candidate as the page copies it: a space with one value for everything."""
    tables: dict[str, Any] = {"model": candidate["model"], "training": candidate["training"]}
    for kind in ("cell", "rule"):
        options = dict(candidate[kind])
        name = options.pop("name")
        tables |= {f"{kind}s": [name], kind: {name: options}}
    return tables


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


def test_a_resumed_search_takes_up_what_was_running(drivers: Any) -> None:
    driver = drivers(num_trials=3)
    driver.finish("a", driver.suggest("a"))
    left = driver.suggest("b")
    driver.open()
    assert driver.suggest("c") == left
    driver.finish("c", left)
    driver.finish("d", driver.suggest("d"))
    assert driver.suggest("e") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE"] * 3


def test_a_grid_has_every_candidate_once(drivers: Any) -> None:
    driver = drivers(space=SMALL_SPACE, sampler="grid", num_trials=100, workers=1)
    keys = []
    while (job := driver.suggest(f"t{len(keys)}")) != Searcher.FINISHED:
        keys.append(driver.ledger.trials()[-1].user_attrs["key"])
        driver.finish(f"t{len(keys) - 1}", job)
        if len(keys) == 3:
            driver.open()
    assert len(keys) == len(set(keys)) == driver.request.search_space.size == 8
    assert driver.searcher.finished


def keys(driver: Driver) -> list[str]:
    return [trial.user_attrs["key"] for trial in driver.ledger.trials()]


def run_generations(driver: Driver, order: int) -> None:
    """Finish each generation from its front or from its back."""
    names = (f"r{i}" for i in itertools.count())
    while True:
        jobs = {}
        while isinstance(job := driver.suggest(name := next(names)), Job):
            jobs[name] = job
        if not jobs:
            assert job == Searcher.FINISHED
            return
        for name in list(jobs)[::order]:
            driver.finish(name, jobs[name], accuracy=jobs[name].number / 100)


def test_a_deterministic_search_does_not_depend_on_who_is_first(drivers: Any) -> None:
    # Long enough for the sampler to look at results, which it does after ten.
    options = {"num_trials": 16, "workers": 3, "deterministic": True}
    forwards, backwards = drivers("forwards", **options), drivers("backwards", **options)
    run_generations(forwards, 1)
    run_generations(backwards, -1)
    assert keys(forwards) == keys(backwards)
    assert forwards.states() == ["COMPLETE"] * 16
    told = [trial.datetime_complete for trial in backwards.ledger.trials()]
    assert told == sorted(told)


def test_a_deterministic_search_repeats_after_a_crash(drivers: Any) -> None:
    options = {"num_trials": 18, "workers": 3, "deterministic": True}
    whole, broken = drivers("whole", **options), drivers("broken", **options)
    run_generations(whole, 1)
    for _ in range(3):
        for i in range(3):
            job = broken.suggest(f"x{i}")
            broken.finish(f"x{i}", job, accuracy=job.number / 100)
    job = broken.suggest("y0")
    broken.suggest("y1")
    broken.finish("y0", job, accuracy=job.number / 100)
    broken.open()
    run_generations(broken, -1)
    assert keys(broken) == keys(whole)


def test_a_generation_waits_for_its_slowest(drivers: Any) -> None:
    driver = drivers(num_trials=4, workers=2, deterministic=True)
    first, second = driver.suggest("a"), driver.suggest("b")
    assert driver.suggest("c") is None
    driver.finish("b", second)
    assert driver.suggest("c") is None
    assert driver.states() == ["RUNNING", "RUNNING"]
    driver.finish("a", first)
    assert driver.states() == ["COMPLETE", "COMPLETE"]
    assert driver.suggest("c").number == 2


def test_without_it_the_searches_differ_but_lose_nothing(drivers: Any) -> None:
    driver = drivers(num_trials=6, workers=3)
    jobs = {name: driver.suggest(name) for name in "abc"}
    for name in "cab":
        driver.finish(name, jobs[name])
    assert driver.states() == ["COMPLETE"] * 3


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


def run_out_of_memory(driver: Driver, name: str, job: Job) -> None:
    report = Report(number=job.number, reason="out of memory", done=True)
    driver.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})


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
