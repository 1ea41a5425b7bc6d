"""The searcher as Tune drives it, without Tune: suggest, report, complete, in any order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from driving import keys, run_generations
from ray.tune.search import Searcher
from runs import SMALL_SPACE, SPACE

from optcell_search.ledger.trials.reasons import BY_HAND
from optcell_search.space import SearchSpace
from optcell_search.tuning.extending import take_up
from optcell_search.tuning.search import samplers
from optcell_search.tuning.worker.job import Report

ONE_CANDIDATE = {
    **SPACE,
    "rules": ["gd"],
    "rule": {"gd": {"s": 1.0}},
    "model": {"hidden_size": 2},
    "training": {"lr": 0.01},
}

# Three candidates on a grid, and endless ones off it.
THREE_RATES = {**ONE_CANDIDATE, "training": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}}}


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
    driver.finish("a", jobs[0], epoch=1)
    assert driver.states() == ["PRUNED", "PRUNED"]
    # Told apart from what a scheduler stopped, and not trained anew as what was cut.
    reasons = [trial.user_attrs.get("reason") for trial in driver.ledger.trials()]
    assert reasons == [None, BY_HAND]
    assert driver.ledger.missing == 0


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


@pytest.mark.parametrize("waits", [True, False])
def test_what_somebody_put_in_takes_no_candidates_place_for_good(drivers: Any, waits: bool) -> None:
    driver = drivers(space=THREE_RATES, sampler="grid", num_trials=100, workers=1)
    assert driver.request.num_trials == 3
    grid = {candidate.key for candidate in samplers.grid(driver.request)}
    off = SearchSpace.from_dict(THREE_RATES).sample(seed=1)
    assert off.key not in grid
    driver.ledger.study.enqueue_trial(dict(off.flat()))
    if not waits:
        # And once more, which is a repetition of what has been trained.
        driver.ledger.study.enqueue_trial(dict(off.flat()))
        driver.open()
        run_generations(driver, 1)
        assert driver.states() == ["COMPLETE"] * 3
    take_up(driver.ledger, driver.folder, {"num_trials": 100})
    driver.request = driver.ledger.request
    driver.open()
    assert driver.request.num_trials == (4 if waits else 5)
    run_generations(driver, 1)
    assert set(keys(driver)) == {*grid, off.key}
    assert driver.searcher.finished
    assert driver.ledger.unfinished == 0
    # There is no more to be had.
    take_up(driver.ledger, driver.folder, {"num_trials": 100})
    assert driver.ledger.unfinished == 0


def as_space(candidate: dict[str, Any]) -> dict[str, Any]:
    """A candidate as the page copies it: a space with one value for everything."""
    tables: dict[str, Any] = {"model": candidate["model"], "training": candidate["training"]}
    for kind in ("cell", "rule"):
        options = dict(candidate[kind])
        name = options.pop("name")
        tables |= {f"{kind}s": [name], kind: {name: options}}
    return tables


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
