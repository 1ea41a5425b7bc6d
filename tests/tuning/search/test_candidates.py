"""What comes where a sampler suggests a candidate that has been tried."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import PartialFixedSampler, RandomSampler
from runs import SPACE, a_request

from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.trials.running_trial import RunningTrial
from optcell_search.tuning.search.candidates import CandidateQueue

STEPS = {
    **SPACE,
    "rules": ["gd", "heavy_ball"],
    "rule": {
        "gd": {"s": {"low": 0.1, "high": 0.5, "step": 0.1}},
        "heavy_ball": {"mu": 0.6, "s": {"choices": [0.3, 0.6]}},
    },
    "model": {"hidden_size": 2},
    "training": {"lr": 0.01},
}


pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def asked(tiny: str, folder: Path, sampler: str, count: int) -> tuple[list[RunningTrial], int]:
    """Return so many trials where the sampler insists on one candidate, and its suggestions."""
    request = replace(a_request(tiny, space=STEPS, sampler=sampler), first=())
    made = []

    def insisting(_: Request, number: int, attempt: int) -> optuna.samplers.BaseSampler:
        made.append(number)
        fixed: dict[str, Any] = {"rule": "gd", "gd.s": 0.4}
        return PartialFixedSampler(fixed, RandomSampler(seed=number + attempt))

    with contextlib.closing(make_ledger(request, folder)) as ledger:
        queue = CandidateQueue(ledger, make_sampler=insisting)
        trials: list[RunningTrial] = []
        while len(trials) < count:
            if (trial := queue.ask()) is not None:
                trials.append(trial)
        stored = {t.number: t.params for t in ledger.trials()}
    # Optuna's parameters are those of what is trained, not those of what was refused.
    for trial in trials:
        assert all(trial.candidate.flat()[n] == v for n, v in stored[trial.number].items())
    return trials, len(made)


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_the_nearest_that_is_left_comes_instead(tiny: str, tmp_path: Path, sampler: str) -> None:
    trials, made = asked(tiny, tmp_path, sampler, 7)
    steps = [t.candidate.flat()["gd.s"] for t in trials if t.candidate.rule == "gd"]
    assert steps[0] == 0.4
    assert set(steps[1:3]) == {0.3, 0.5}
    assert steps[3:] == [0.2, 0.1]
    # Those of another rule only where none of the same rule is left.
    assert [t.candidate.rule for t in trials] == ["gd"] * 5 + ["heavy_ball"] * 2
    # One refusal a trial, and never a second suggestion.
    assert made == 1 + 2 * 6


@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_what_goes_by_no_model_is_asked_ten_times(tiny: str, tmp_path: Path, sampler: str) -> None:
    trials, made = asked(tiny, tmp_path, sampler, 7)
    assert len({trial.key for trial in trials}) == 7
    assert made == 1 + 11 * 6
