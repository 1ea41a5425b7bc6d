"""Scores that say no more than chance, by which the first rung of a search stops nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler
from runs import SPACE, a_request, write_series

from optcell_search import tasks
from optcell_search.ledger.constraints import Constraint
from optcell_search.space import SearchSpace
from optcell_search.tasks.folds import chance_in
from optcell_search.tuning.resolving.chance import bounds_of_chance
from optcell_search.tuning.search.schedulers import make_scheduler
from optcell_search.tuning.worker.job import Report

OTHERS = {**SPACE, "rules": ["heavy_ball"], "rule": {}}


def test_at_chance_the_first_rung_of_a_search_stops_nobody(tiny: str) -> None:
    request = a_request(tiny, epochs=9)
    low, high = (Constraint.stored(text) for text in request.chance)
    # Two classes, and the more frequent one makes half of the sequences.
    assert (low.metric, low.relation, high.relation) == ("accuracy", ">=", "<=")
    assert (low.bound + high.bound) / 2 == pytest.approx(tasks.load(tiny).chance["accuracy"])
    assert high.bound == pytest.approx(low.bound + 0.1 * (1 - (low.bound + high.bound) / 2), 1e-4)
    other = SearchSpace.from_dict(OTHERS).sample()
    trial = SimpleNamespace(config={"job": SimpleNamespace(candidate=other, kept=False)})

    def stopped(scheduler: Any, accuracies: list[float]) -> list[bool]:
        reports = [
            Report(number=number, epoch=1, metrics={1: {"accuracy": accuracy}})
            for number, accuracy in enumerate(accuracies)
        ]
        told = [scheduler.on_trial_result(None, trial, {"report": report}) for report in reports]
        return [verdict == TrialScheduler.STOP for verdict in told]

    noise = [high.bound - 0.001 * number for number in range(5)]
    assert stopped(make_scheduler(request, []), noise) == [False] * 5
    assert stopped(make_scheduler(replace(request, chance=()), []), noise)[2:] == [True] * 3


def test_bounds_lie_around_what_the_mean_over_folds_has_without_input(tmp_path: Path) -> None:
    spec = write_series(tmp_path)
    request = a_request(spec, folds=3, objectives=["mae"])
    low, high = (Constraint.stored(text).bound for text in request.chance)
    task = tasks.load(spec)
    expected = chance_in(task, 3, request.seed)["mae"]
    assert (low, high) == pytest.approx((0.95 * expected, 1.05 * expected), rel=1e-5)
    assert (low + high) / 2 != pytest.approx(task.chance["mae"], rel=0.02)


def test_bounds_lie_around_chance_where_it_and_the_best_are_known(tiny: str) -> None:
    task = tasks.load(tiny)
    loss = task.chance["cross_entropy"]
    low, high = map(Constraint.stored, bounds_of_chance(task, {"cross_entropy": "minimize"}))
    # The best cross-entropy is 0.
    assert (low.bound, high.bound) == pytest.approx((0.95 * loss, 1.05 * loss), rel=1e-5)
    assert bounds_of_chance(task, {"parameters": "minimize"}) == ()
    # Of the Brier score, from 0 to 2, the best is 0 as well.
    brier = task.chance["brier"]
    low, high = map(Constraint.stored, bounds_of_chance(task, {"brier": "minimize"}))
    assert (low.bound, high.bound) == pytest.approx((0.95 * brier, 1.05 * brier), rel=1e-5)
