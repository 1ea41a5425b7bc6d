"""When a search ends: by its time, its goal, its patience."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from driving import Driver, run_out_of_memory
from optuna.samplers import RandomSampler
from ray.tune.search import Searcher
from runs import SMALL_SPACE, SPACE

from optcell_search import results
from optcell_search.ledger.amending import amend
from optcell_search.tuning.extending import way_on
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


def with_more_time(driver: Driver) -> None:
    amend(driver.ledger, driver.folder, {"time_limit": 600.0})
    with_clock(driver)


@pytest.mark.parametrize("complete", [True, False])
def test_what_the_end_of_the_time_cut_comes_to_its_own_end_after_it(
    drivers: Any, complete: bool
) -> None:
    driver = drivers(num_trials=2, time="1m")
    clock = with_clock(driver)
    if complete:
        driver.finish("a", driver.suggest("a"), accuracy=0.6)
    job = driver.suggest("b")
    clock.now = 60.0
    assert driver.suggest("c") == Searcher.FINISHED
    driver.finish("b", job, epoch=1, accuracy=0.9)
    trial = driver.ledger.trials()[job.number]
    assert trial.state.name == ("PRUNED" if complete else "COMPLETE")
    assert trial.user_attrs["reason"] == "cut: the time is used up"
    assert driver.ledger.missing == (1 if complete else 2)

    with_more_time(driver)
    again = driver.suggest("d")
    assert (again.candidate, again.number) == (job.candidate, job.number + 1)
    driver.finish("d", again, accuracy=0.7)
    if not complete:
        driver.finish("e", driver.suggest("e"), accuracy=0.6)
    # As many as were asked for, besides what was cut, which is the best no more.
    assert driver.suggest("f") == Searcher.FINISHED
    table = results.frame(driver.ledger.study)
    assert results.best(table, driver.request.objectives)["number"] == again.number
    # So its weights are kept, and those of what was cut are not.
    assert driver.searcher.retention.front == [again.number]


def test_a_trial_that_was_put_in_is_trained_though_its_like_was_cut(drivers: Any) -> None:
    driver = drivers(num_trials=None, time="1m")
    clock = with_clock(driver)
    driver.finish("a", driver.suggest("a"))
    job = driver.suggest("b")
    clock.now = 60.0
    driver.finish("b", job, epoch=1)
    driver.ledger.study.enqueue_trial(driver.ledger.trials()[job.number].params)
    with_more_time(driver)
    again = driver.suggest("c")
    assert (again.candidate, again.number) == (job.candidate, 2)


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_ended_by_hand_or_by_a_scheduler_never_counts_as_complete(
    drivers: Any, by_hand: bool
) -> None:
    driver = drivers(num_trials=9, time="1m", workers=3, deterministic=True)
    clock = with_clock(driver)
    stopped, cut = driver.suggest("a"), driver.suggest("b")
    if by_hand:
        driver.ledger.study.set_user_attr(f"prune:{stopped.number}", True)
    driver.finish("a", stopped, epoch=1, accuracy=0.9)
    clock.now = 60.0
    driver.finish("b", cut, epoch=1)
    assert driver.suggest("c") == Searcher.FINISHED
    # Of what is there, that which the end cut is the best there is.
    assert driver.states() == ["PRUNED", "COMPLETE"]


@pytest.mark.parametrize("held", [True, False])
def test_a_trial_that_is_done_as_the_search_ends_counts(drivers: Any, held: bool) -> None:
    driver = drivers(num_trials=9, time="1m", workers=3, deterministic=held)
    clock = with_clock(driver)
    whole, cut = driver.suggest("a"), driver.suggest("b")
    clock.now = 0.0 if held else 60.0
    done = Report(number=whole.number, epoch=2, metrics={2: {"accuracy": 0.5}}, done=True)
    assert not driver.searcher.stops(done)
    driver.finish("a", whole)
    clock.now = 60.0
    driver.finish("b", cut, epoch=1, accuracy=0.9)
    assert driver.suggest("c") == Searcher.FINISHED
    assert driver.states() == ["COMPLETE", "PRUNED"]
    assert driver.searcher.ended == "the time is used up"


def test_a_held_trial_that_diverged_is_none_that_was_trained_to_its_end(drivers: Any) -> None:
    driver = drivers(num_trials=9, time="1m", workers=3, deterministic=True)
    clock = with_clock(driver)
    diverged, cut = driver.suggest("a"), driver.suggest("b")
    driver.finish("a", diverged, accuracy=float("nan"))
    clock.now = 60.0
    driver.finish("b", cut, epoch=1)
    assert driver.suggest("c") == Searcher.FINISHED
    assert driver.states() == ["FAIL", "COMPLETE"]


def test_what_was_given_up_uses_up_no_patience(drivers: Any) -> None:
    driver = drivers(num_trials=9, patience=1)
    driver.suggest("a")
    driver.ledger.requeue()
    driver.ledger.give_up(0)
    assert Budget.of(driver.ledger).over == ""


def test_what_was_cut_uses_up_no_patience(drivers: Any) -> None:
    driver = drivers(num_trials=None, time="1m", patience=1)
    clock = with_clock(driver)
    driver.finish("a", driver.suggest("a"))
    job = driver.suggest("b")
    clock.now = 60.0
    driver.finish("b", job, epoch=1)
    with_more_time(driver)
    assert not driver.searcher.over
    again = driver.suggest("c")
    driver.finish("c", again, accuracy=0.1)
    assert driver.searcher.over == "no better front in 1 trials"


def test_what_a_scheduler_stopped_is_not_trained_anew(drivers: Any) -> None:
    driver = drivers(num_trials=3, time="1m")
    with_clock(driver)
    job = driver.suggest("a")
    driver.finish("a", job, epoch=1)
    with_more_time(driver)
    assert driver.ledger.missing == 2
    assert driver.suggest("b").candidate != job.candidate


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


def test_what_was_tried_first_and_cut_comes_to_its_end_after_the_grid(
    drivers: Any, tmp_path: Path
) -> None:
    off = {"rule": {"heavy_ball": {"mu": 0.25, "s": 0.6}}, "training": {"lr": 0.02}}
    file = tmp_path / "first.toml"
    one = {**SPACE, **off, "rules": ["heavy_ball"], "model": {"hidden_size": 3}}
    file.write_text(tomli_w.dumps({name: v for name, v in one.items() if name != "name"}))
    driver = drivers(num_trials=None, time="1m", workers=2, sampler="grid", first=file)
    clock = with_clock(driver)
    first = driver.suggest("first")
    for number in range(1, driver.request.num_trials):
        driver.finish(f"t{number}", driver.suggest(f"t{number}"))
    assert driver.searcher.ended.startswith("the grid is used up")
    clock.now = 60.0
    driver.finish("first", first, epoch=1)
    with_more_time(driver)
    again = driver.suggest("again")
    assert again.candidate == first.candidate
    driver.finish("again", again)
    assert driver.suggest("more") == Searcher.FINISHED
    assert driver.searcher.finished


def test_how_a_run_goes_on_names_every_limit_that_is_in_the_way(drivers: Any) -> None:
    driver = drivers(num_trials=9, time="1m", patience=2)
    clock = with_clock(driver)
    for name in ("a", "b"):
        driver.searcher.budget.note(None)
        row = driver.ledger.ask(driver.request.search_space, RandomSampler(seed=ord(name)))
        driver.ledger.fail(row.number, "diverged")
    assert driver.searcher.budget.ways_on == ["--patience 0"]
    told = "; `optcell-search resume RUN --patience 0` goes on"
    assert way_on(driver.ledger, Path("RUN")) == told
    clock.now = 60.0
    assert driver.searcher.budget.ways_on == ["--patience 0", "--time D"]
    full = drivers("full", num_trials=2, patience=2)
    for name in ("a", "b"):
        row = full.ledger.ask(full.request.search_space, RandomSampler(seed=ord(name)))
        full.ledger.fail(row.number, "diverged")
    assert "resume RUN --patience 0 --trials N` goes on" in way_on(full.ledger, Path("RUN"))


def test_where_every_candidate_was_tried_a_run_goes_on_by_nothing(drivers: Any) -> None:
    driver = drivers(space=SMALL_SPACE, num_trials=9)
    while isinstance(job := driver.suggest("a"), Job):
        report = Report(number=job.number, reason=f"error: {job.number}", done=True)
        driver.searcher.on_trial_complete("a", {"report": report, "worker": "host:1"})
        if driver.searcher.hopeless:
            break
    assert driver.ledger.size == 8
    assert way_on(driver.ledger, Path("RUN")) == ""
