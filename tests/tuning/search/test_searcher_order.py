"""A deterministic search chooses alike whatever the order in which its trials end."""

from __future__ import annotations

from typing import Any

import pytest
from driving import keys, run_generations
from runs import SMALL_SPACE


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
