"""A search that begins with mixtures of rules: what comes when, and that the ledger decides it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calling import call
from driving import Driver, keys
from runs import SPACE, a_request

import optcell_search
from optcell_search.space import Candidate, is_plain
from optcell_search.tuning import Run
from optcell_search.tuning.resolving import pilot
from optcell_search.tuning.search.schedulers import LedgerScheduler
from optcell_search.tuning.worker.job import Job, Report

MIXED: dict[str, Any] = {
    **SPACE,
    "cells": ["rnn", "gru"],
    "rules": ["gd", "heavy_ball", "adam"],
    "rule": {"gd": {"s": 1.0}, "heavy_ball": {"mu": {"low": 0.0, "high": 0.5}}},
}
OPTIONS: dict[str, Any] = {"space": MIXED, "warm_start": "mixture", "num_trials": 12, "workers": 2}


def told(*without: float) -> dict[str, dict[str, float]]:
    losses = dict(zip(("gd", "heavy_ball", "adam"), without, strict=True))
    return {
        "loss": {"mixture": 0.4},
        "without": losses,
        "alone": losses,
        "weights": dict.fromkeys(losses, 1 / 3),
        "values": {"heavy_ball_mu": 0.9, "heavy_ball_s": 0.7, "adam_mu": 0.25},
    }


FIRST, SECOND = told(0.5, 0.9, 0.7), told(0.8, 0.1, 0.9)


@pytest.fixture
def drivers(tiny: str, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(folder: str = "run", **changes: Any) -> Driver:
            (tmp_path / folder).mkdir()
            driver = Driver(tiny, tmp_path / folder, **{**OPTIONS, **changes})
            stack.callback(lambda: driver.ledger.close())
            return driver

        yield make


def kind(job: Job) -> tuple[str, str]:
    return job.candidate.cell, job.candidate.rule


def begun(driver: Driver) -> dict[str, Job]:
    """Mixtures of both cells and both plain cells, in training."""
    jobs = {name: driver.suggest(name) for name in ("a", "b", "c", "d")}
    assert [kind(job) for job in jobs.values()] == [
        ("rnn", "mixture"), ("gru", "mixture"), ("rnn", "gd"), ("gru", "gd")
    ]  # fmt: skip
    return jobs


def test_what_is_read_off_follows_the_plain_cells_the_strongest_of_each_cell_first(
    drivers: Any,
) -> None:
    driver = drivers()
    jobs = begun(driver)
    assert [job.kept for job in jobs.values()] == [True, True, False, False]
    assert [is_plain(job.candidate) for job in jobs.values()] == [False, False, True, True]
    # Nothing else comes before it is known what is read off.
    assert driver.suggest("x") is None
    driver.finish("c", jobs["c"])
    driver.finish("a", jobs["a"], mixture=FIRST)
    assert driver.suggest("x") is None
    driver.finish("b", jobs["b"], mixture=SECOND)
    following = [driver.suggest(f"y{i}") for i in range(4)]
    # Of gru gd is the plain cell, which is in training; of rnn it is, too, and has been.
    assert [kind(job) for job in following] == [
        ("rnn", "heavy_ball"), ("gru", "adam"), ("rnn", "adam"), ("gru", "heavy_ball")
    ]  # fmt: skip
    assert all(job.kept for job in following)
    values = dict(following[0].candidate.rule_options)
    assert (values["mu"], values["s"]) == (0.5, 0.7)
    after = driver.suggest("z")
    assert not after.kept
    assert after.candidate in driver.request.search_space
    trials = driver.ledger.trials()
    assert [bool(trial.params) for trial in trials] == [False, False, *[True] * 7]
    assert trials[4].params["heavy_ball.mu"] == 0.5
    assert driver.ledger.study.user_attrs["read_off:0"]["gd"] == jobs["c"].candidate.key


@pytest.mark.parametrize("moment", ["in training", "between", "after"])
def test_a_driver_that_dies_at_any_moment_goes_on_with_the_same(drivers: Any, moment: str) -> None:
    whole, broken = drivers("whole"), drivers("broken")
    for driver in (whole, broken):
        jobs = begun(driver)
        for name in "cd":
            driver.finish(name, jobs[name])
        if driver is broken and moment == "in training":
            driver.open()
            jobs = {name: driver.suggest(name) for name in "ab"}
            assert [kind(job)[1] for job in jobs.values()] == ["mixture"] * 2
            assert all(job.kept for job in jobs.values())
        driver.finish("a", jobs["a"], mixture=FIRST)
        driver.finish("b", jobs["b"], mixture=SECOND)
        if driver is broken and moment == "between":
            driver.open()
        job = driver.suggest("e")
        if driver is broken and moment == "after":
            driver.open()
            job = driver.suggest("e")
            assert job.kept
        driver.finish("e", job)
        for i in range(5):
            driver.finish(f"f{i}", driver.suggest(f"f{i}"))
    assert keys(broken) == keys(whole)
    assert whole.states() == broken.states() == ["COMPLETE"] * 10


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsga2", "random"])
def test_samplers_see_the_space_and_no_mixture(drivers: Any, sampler: str) -> None:
    """What trials have in common is what a model is made of; with a mixture it were nothing."""
    driver = drivers(sampler=sampler, num_trials=20, deterministic=True)
    jobs: dict[str, Job] = {}
    number = 0
    while isinstance(job := driver.suggest(f"g{number}"), Job) or jobs or job is None:
        if isinstance(job, Job):
            jobs[f"g{number}"] = job
            number += 1
            continue
        for name in list(jobs):
            done = jobs.pop(name)
            mixture = FIRST if done.candidate.rule == "mixture" else {}
            driver.finish(name, done, accuracy=done.number / 50, mixture=mixture)
    assert driver.states() == ["COMPLETE"] * 20
    in_memory = driver.ledger._in_memory
    assert len(in_memory._study.get_trials(deepcopy=False)) == 18
    assert len(set(keys(driver))) == 20


def test_a_mixture_that_failed_tells_nothing_and_keeps_nobody_waiting(drivers: Any) -> None:
    driver = drivers()
    jobs = begun(driver)
    report = Report(number=0, reason="diverged", done=True)
    driver.searcher.on_trial_complete("a", {"report": report, "worker": "host:1"})
    driver.finish("b", jobs["b"], mixture=SECOND)
    assert kind(driver.suggest("e")) == ("gru", "adam")
    assert kind(driver.suggest("f")) == ("gru", "heavy_ball")
    assert not driver.suggest("g").kept


def test_no_scheduler_stops_what_belongs_to_a_warm_start(tiny: str) -> None:
    request = a_request(tiny, **{**OPTIONS, "epochs": 9, "scheduler": "asha"})
    scheduler: Any = LedgerScheduler(request, [])
    mixture = Candidate.from_dict(request.warm_start[0])
    plain = Candidate.from_dict(request.first[0])
    sampled = [request.search_space.sample(seed) for seed in range(8)]

    def verdict(number: int, candidate: Candidate, accuracy: float, *, kept: bool) -> str:
        job: Any = type("Job", (), {"candidate": candidate, "kept": kept})
        report = Report(number=number, epoch=1, metrics={1: {"accuracy": accuracy}})
        trial: Any = type("Trial", (), {"config": {"job": job}})
        return str(scheduler.on_trial_result(None, trial, {"report": report}))

    assert verdict(0, plain, 0.9, kept=False) == "CONTINUE"
    for number, candidate in enumerate(sampled[:5], 1):
        verdict(number, candidate, 0.8, kept=False)
    assert verdict(6, sampled[5], 0.1, kept=True) == "CONTINUE"
    assert verdict(7, mixture, 0.0, kept=True) == "CONTINUE"
    assert verdict(8, sampled[6], 0.1, kept=False) == "STOP"
    # What is read off is among those that others are judged by; a mixture is not.
    rung = scheduler._halving._rungs[1]
    assert 6 in rung
    assert 7 not in rung


def test_time_is_left_for_mixtures() -> None:
    assert pilot.candidates(0, 1) == 10
    assert pilot.candidates(0, 1, 2) == 16
    assert pilot.candidates(6, 1, 2) == 10


def test_a_countable_space_has_so_many_trials_more(tiny: str) -> None:
    space = {
        **MIXED,
        "rules": ["gd", "heavy_ball"],
        "rule": {"gd": {"s": 1.0}, "heavy_ball": {"mu": {"choices": [0.1, 0.5]}, "s": 0.6}},
        "training": {},
    }
    assert a_request(tiny, space=space, num_trials=50).num_trials == 12
    assert a_request(tiny, **{**OPTIONS, "space": space, "num_trials": 50}).num_trials == 14


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--warm-start", "darts"], "unknown warm_start 'darts'; valid: mixture"),
        (["--sampler", "grid"], "warm_start = mixture: what is read off is on no grid"),
        (["--trials", "2"], "takes a trial for each cell, 2 of num_trials = 2; valid: 3 trials"),
        (["--space", "one"], "a mixture takes two rules or more of gd, heavy_ball, nesterov, adam"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    options: list[str],
    why: str,
    tiny: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import tomli_w

    one = {"rules": ["gd"], "rule": {}} if "--space" in options else {}
    file = tmp_path / "space.toml"
    content = {key: value for key, value in {**MIXED, **one}.items() if key != "name"}
    file.write_text(tomli_w.dumps(content))
    rest = [] if "--space" in options else options
    out = tmp_path / "run"
    code, output, errors = call(
        capsys, "run", str(file), "--task", tiny, "--trials", "6", "--out", str(out),
        "--warm-start", "mixture", *rest,
    )  # fmt: skip
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert why in errors
    assert not out.exists()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("population", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_search_begins_so_and_says_what_came_of_it(
    population: int, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def searched(name: str) -> Run:
        return optcell_search.search(
            MIXED, tiny, 9, tmp_path / name, warm_start="mixture", epochs=3, seed=1, workers=1,
            threads=1, population=population, deterministic=True,
        )  # fmt: skip

    run = searched("run")
    table = run.results()
    assert list(table["rule"][:4]) == ["mixture", "mixture", "gd", "gd"]
    assert set(table["rule"][4:8]) == {"heavy_ball", "adam"}
    assert list(table["state"][:8]) == ["COMPLETE"] * 8
    found = run.warm_start()
    assert found is not None
    assert [cell.cell for cell in found.cells] == ["rnn", "gru"]
    assert found.tau is not None
    assert found.tau.amount == 6
    assert run.status()["warm_start"]["sentence"] == found.sentence
    assert found.sentence in (run.directory / "report.html").read_text(encoding="utf-8")
    for command in ("status", "results"):
        code, output, _ = call(capsys, command, str(run.directory))
        assert code == 0
        assert "Warm start: the strongest rule is" in " ".join(output.split())
    again = searched("again")
    assert list(again.results()["key"]) == list(table["key"])
    told = again.warm_start()
    assert told is not None
    # Seconds of training are in the words alone.
    assert replace(told, sentence=found.sentence) == found
    more = Run.open(run.directory).resume(num_trials=10)
    assert list(more.results()["key"][:9]) == list(table["key"])
    assert run.replay(0).is_same
