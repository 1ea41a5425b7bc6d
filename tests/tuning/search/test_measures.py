"""Who is a measure of others, and by whom measures are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import TrialScheduler
from runs import SPACE, a_request

from optcell_search.space import Candidate, SearchSpace
from optcell_search.tuning.search.schedulers import make_scheduler
from optcell_search.tuning.worker.job import Report

CONTINUE = TrialScheduler.CONTINUE
OTHERS = {**SPACE, "rules": ["heavy_ball"], "rule": {}}
MEMORIES = {
    "name": "memories",
    "cells": ["delta"],
    "rules": ["gd"],
    "cell": {"delta": {"heads": 1, "inner": {"choices": ["gd", "adam"]}}},
    "rule": {"gd": {"s": 1.0}},
    "model": {"hidden_size": {"choices": [2, 3]}},
}


def judged_by(scheduler: Any) -> Callable[[int, Candidate, float], bool]:
    """Return what tells whether a trial goes on after its first epoch."""

    def goes_on(number: int, candidate: Candidate, accuracy: float) -> bool:
        report = Report(number=number, epoch=1, metrics={1: {"accuracy": accuracy}})
        trial = SimpleNamespace(config={"job": SimpleNamespace(candidate=candidate, kept=False)})
        return scheduler.on_trial_result(None, trial, {"report": report}) == CONTINUE

    return goes_on


def test_plain_cells_are_judged_by_one_another(tiny: str) -> None:
    cells = {**SPACE, "cells": ["rnn", "gru", "lstm"]}
    request = a_request(tiny, space=cells, epochs=9)
    scheduler = make_scheduler(request, [])
    plain = [Candidate.from_dict(one) for one in request.first]
    assert [one.cell for one in plain] == ["rnn", "gru", "lstm"]
    other = SearchSpace.from_dict(OTHERS).sample()

    goes_on = judged_by(scheduler)
    # A part of the epochs is no measure of the whole: neither are others stopped by it, nor is it.
    part = replace(plain[0], training=replace(plain[0].training, share=0.5))
    assert all(goes_on(number, part, 1.0) for number in (20, 21, 22))
    # Better than all three of them; the plain ones are not stopped for that.
    assert all(goes_on(number, other, 0.9) for number in (10, 11))
    assert goes_on(0, plain[0], 0.2)
    assert goes_on(1, plain[1], 0.1)
    # The third of three is in the last two thirds of its own kind.
    assert not goes_on(2, plain[2], 0.05)
    assert not goes_on(12, other, 0.5)
    assert goes_on(23, part, 0.0)


def test_a_memory_with_another_rule_inside_is_no_measure(tiny: str) -> None:
    (plain,) = SearchSpace.from_dict(MEMORIES).plain()
    known = plain.to_dict()
    adam = Candidate.from_dict({**known, "cell": {**known["cell"], "inner": "adam"}})
    request = a_request(tiny, space=MEMORIES, epochs=9)
    request = replace(request, first=(adam.to_dict(), known))
    goes_on = judged_by(make_scheduler(request, []))
    others = [replace(adam, training=replace(adam.training, lr=lr)) for lr in (0.25, 0.5)]
    assert all(goes_on(number, one, 0.9) for number, one in enumerate(others))
    assert goes_on(2, plain, 0.4)
    # Better than the plain one, which is no reason to let it go on.
    assert not goes_on(3, adam, 0.5)
