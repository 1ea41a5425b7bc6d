"""What a sampler sees of a ledger."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState, create_trial

from optcell_search.ledger.trials.in_memory import InMemoryStudy

OPEN = TrialState.WAITING


def a_row(number: int, total: int) -> FrozenTrial:
    """Old rows are good in turns, late ones are all alike and bad."""
    good = number % 10 == 0 and number < total // 2
    values = [1.0 + number / total, 2.0 - number / total] if good else [9.0, 9.0]
    return create_trial(
        state=TrialState.COMPLETE,
        values=values,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
    )


def seen(sampler: BaseSampler, trials: list[FrozenTrial], monkeypatch: Any) -> set[int]:
    """Numbers of the rows that the sampler finds when it suggests."""
    found: list[set[int]] = []

    def spy(self: Any, study: optuna.Study, *_: Any) -> dict[str, Any]:
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.WAITING)
        found.append({t.number for t in study.get_trials(states=states)})
        return {}

    monkeypatch.setattr(type(sampler), "sample_relative", spy)
    trial, _ = InMemoryStudy(["minimize", "minimize"], trials).ask(sampler)
    trial.suggest_float("x", 0, 1)
    return found[-1]


def test_tpe_sees_the_best_and_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    total = 1200
    visible = seen(TPESampler(seed=0), [a_row(i, total) for i in range(total)], monkeypatch)
    assert len(visible) == 500
    assert visible >= set(range(950, 1200))
    assert visible >= set(range(0, 600, 10))


def test_a_smaller_study_is_seen_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [a_row(i, 500) for i in range(500)]
    assert seen(TPESampler(seed=0), trials, monkeypatch) == set(range(500))


def test_other_samplers_see_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [a_row(i, 600) for i in range(600)]
    assert seen(NSGAIISampler(seed=0), trials, monkeypatch) == set(range(600))


def test_what_waits_is_taken_up_however_old(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [a_row(i, 700) for i in range(700)]
    trials[3] = create_trial(state=OPEN, params={}, distributions={})
    mirror = InMemoryStudy(["minimize", "minimize"], trials)
    assert mirror.ask(TPESampler(seed=0))[0].number == 3


def test_what_all_trials_share_is_what_a_look_at_all_of_them_finds() -> None:
    study = InMemoryStudy(["maximize"], [])
    running: list[int] = []
    for number in range(40):
        sampler = TPESampler(seed=number, n_startup_trials=3)
        trial, _ = study.ask(sampler)
        trials = trial.study.get_trials(deepcopy=False)
        shared = intersection_search_space(trials, include_pruned=True)
        assert sampler.infer_relative_search_space(trial.study, trials[-1]) == shared
        assert set(shared) == ({"x"} if number > 20 else {"x", "y"} if number > 2 else set())
        trial.suggest_float("x", 0, 1)
        # The first without it ends later than those that began after it.
        if number != 12:
            trial.suggest_float("y", 0, 1)
        study.number(trial.number, number)
        running.append(number)
        if number == 20:
            study.tell(12, TrialState.PRUNED, None, {})
            running.remove(12)
        ending = [n for n in running if n != 12][:-2]
        for other in ending:
            running.remove(other)
            study.tell(other, TrialState.COMPLETE, [other / 40], {})


def test_a_suggestion_that_is_let_go_of_is_no_trial_of_anybody() -> None:
    study = InMemoryStudy(["maximize"], [])
    for _ in range(3):
        trial, number = study.ask(TPESampler(seed=0))
        assert number is None
        study.drop(trial)
    kept, _ = study.ask(TPESampler(seed=0))
    kept.suggest_float("s", 0.0, 1.0)
    study.number(kept.number, 0)
    study.tell(0, TrialState.COMPLETE, [1.0], {})
    states = [trial.state for trial in kept.study.get_trials(deepcopy=False)]
    assert states == [TrialState.FAIL] * 3 + [TrialState.COMPLETE]
