from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from runs import SMALL_SPACE, a_request

from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.storage.storage import LedgerStorage
from optcell_search.ledger.trials.ending import Beside
from optcell_search.ledger.trials.running_trial import RunningTrial
from optcell_search.space import SearchSpace, trial_seed

SUCCESSORS: list[Ledger] = []
METRICS = {"accuracy": 0.5, "loss": 1.0, "parameters": 20.0}


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def request_(request: pytest.FixtureRequest, tiny: str, tmp_path: Path) -> Request:
    study = f"journal://{tmp_path}/journal.log" if request.param == "journal" else ""
    if request.param == "postgresql":
        study = request.getfixturevalue("postgresql")
    return a_request(tiny, space=SMALL_SPACE, study=study, objectives=["accuracy"], num_trials=6)


@pytest.fixture
def ledger(request_: Request, tmp_path: Path) -> Iterator[Ledger]:
    ledger = make_ledger(request_, tmp_path)
    yield ledger
    for each in (ledger, *SUCCESSORS):
        each.close()
    SUCCESSORS.clear()


def ask(ledger: Ledger, seed: int = 0) -> RunningTrial:
    return ledger.ask(ledger.request.search_space, RandomSampler(seed=seed))


def reopened(ledger: Ledger, folder: Path) -> Ledger:
    """The ledger as a process finds it whose predecessor was killed."""
    SUCCESSORS.append(open_ledger(ledger.request, folder))
    return SUCCESSORS[-1]


def test_a_row_says_what_it_is(ledger: Ledger) -> None:
    row = ask(ledger)
    (trial,) = ledger.trials()
    assert trial.state == TrialState.RUNNING
    assert trial.user_attrs["candidate"] == row.candidate.to_dict()
    assert trial.user_attrs["key"] == row.key
    assert row.seeds == (trial_seed(ledger.request.seed, row.key, 0),)
    assert ledger.study.user_attrs["request"] == ledger.request.to_dict()


def test_a_completed_row(ledger: Ledger) -> None:
    row = ask(ledger)
    ledger.report(row.number, 1, METRICS, "host:1")
    ledger.report(row.number, 2, {**METRICS, "accuracy": 0.75}, "host:1")
    ledger.complete(row.number, {**METRICS, "accuracy": 0.75}, Beside(gradients={0: 1.5, 4: 0.25}))
    (trial,) = ledger.trials()
    assert trial.user_attrs["gradients"] == {"0": 1.5, "4": 0.25}
    assert trial.state == TrialState.COMPLETE
    assert trial.values == [0.75]
    assert trial.intermediate_values == {1: 0.5, 2: 0.75}
    assert trial.user_attrs["epoch:0001"] == METRICS
    assert trial.user_attrs["metrics"]["accuracy"] == 0.75
    assert trial.user_attrs["worker"] == "host:1"


def test_a_pruned_row_keeps_its_last_values(ledger: Ledger) -> None:
    row = ask(ledger)
    ledger.report(row.number, 1, METRICS)
    ledger.prune(row.number, METRICS)
    (trial,) = ledger.trials()
    assert trial.state == TrialState.PRUNED
    assert trial.user_attrs["metrics"] == METRICS


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_failure(ledger: Ledger, value: float) -> None:
    row = ask(ledger)
    ledger.complete(row.number, {**METRICS, "accuracy": value})
    (trial,) = ledger.trials()
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["reason"] == "diverged"


def test_telling_twice_changes_nothing(ledger: Ledger) -> None:
    row = ask(ledger)
    ledger.report(row.number, 1, METRICS)
    ledger.report(row.number, 1, {**METRICS, "accuracy": 0.0})
    ledger.complete(row.number, METRICS)
    ledger.fail(row.number, "diverged")
    ledger.prune(row.number, METRICS)
    ledger.report(row.number, 2, METRICS)
    (trial,) = ledger.trials()
    assert trial.state == TrialState.COMPLETE
    assert trial.user_attrs["epoch:0001"] == METRICS
    assert "reason" not in trial.user_attrs
    assert ledger.counts[TrialState.COMPLETE] == 1


def test_a_row_goes_back_in_the_queue_with_all_it_has(ledger: Ledger, tmp_path: Path) -> None:
    row = ask(ledger)
    ledger.report(row.number, 1, METRICS)
    after = reopened(ledger, tmp_path)
    assert after.counts[TrialState.RUNNING] == 1
    assert after.unfinished == 6
    after.requeue()
    assert [trial.state for trial in after.trials()] == [TrialState.WAITING]
    again = ask(after, seed=99)
    assert (again.number, again.key, again.seeds) == (row.number, row.key, row.seeds)
    assert again.epochs == {1}
    after.complete(again.number, METRICS)
    assert after.missing == 5
    assert ask(after).number == 1


def test_the_queue_of_the_same_process(ledger: Ledger) -> None:
    first, second = ask(ledger), ask(ledger, seed=5)
    ledger.report(first.number, 1, METRICS)
    ledger.requeue()
    assert [(row.number, row.key, row.epochs) for row in (ask(ledger), ask(ledger))] == [
        (0, first.key, {1}),
        (1, second.key, set()),
    ]
    assert ask(ledger).number == 2


def test_a_row_appears_whole_or_not_at_all(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SearchSpace, "suggest", die)
    with pytest.raises(KeyboardInterrupt):
        ask(ledger)
    monkeypatch.undo()
    after = reopened(ledger, tmp_path)
    assert after.trials() == []
    row = ask(after)
    assert row.number == 0
    (trial,) = after.trials()
    assert trial.params
    assert {"candidate", "key", "seed", "repeat"} <= trial.user_attrs.keys()


def test_the_sampler_sees_what_the_ledger_holds(ledger: Ledger, tmp_path: Path) -> None:
    seen: list[list[optuna.trial.FrozenTrial]] = []

    class Spy(RandomSampler):
        def sample_relative(self, study: Any, trial: Any, space: Any) -> dict[str, Any]:
            seen.append(study.get_trials()[:-1])
            return {}

    for state in ("complete", "prune", "fail", "open"):
        number = ask(ledger).number
        if state != "open":
            ledger.report(number, 1, METRICS)
        if state == "fail":
            ledger.fail(number, "error: x")
        elif state != "open":
            getattr(ledger, state)(number, METRICS)
    space = ledger.request.search_space
    ledger.ask(space, Spy(seed=0))
    after = reopened(ledger, tmp_path)
    after.requeue()
    for _ in range(3):
        after.ask(space, Spy(seed=0))
    at_once, reread = seen[0], seen[-1]
    for trials in (at_once, reread[:4]):
        for mine, real in zip(trials, ledger.trials(), strict=False):
            assert mine.state == real.state
            assert mine.params == real.params
            assert mine.distributions == real.distributions
            assert mine.values == real.values
            assert mine.intermediate_values == real.intermediate_values


def test_a_known_candidate_takes_over_the_result(ledger: Ledger) -> None:
    first = ask(ledger)
    ledger.report(first.number, 1, METRICS)
    assert ledger.reusable(first) is None
    ledger.complete(first.number, METRICS, Beside(gradients={0: 1.5}))
    second = ask(ledger)
    assert second.key == first.key
    assert ledger.reusable(second) == first.number
    ledger.copy(second.number, first.number)
    one, two = ledger.trials()
    assert two.state == TrialState.COMPLETE
    assert two.values == one.values
    assert two.user_attrs["duplicate_of"] == 0
    assert two.user_attrs["gradients"] == one.user_attrs["gradients"]
    assert two.user_attrs["epoch:0001"] == METRICS


@pytest.mark.parametrize(("reason", "settled"), [("diverged", 0), ("worker died", None)])
def test_only_failures_that_would_come_again_are_taken_over(
    ledger: Ledger, tmp_path: Path, reason: str, settled: int | None
) -> None:
    ledger.fail(ask(ledger).number, reason)
    assert ledger.reusable(ask(ledger)) == settled
    after = reopened(ledger, tmp_path)
    after.requeue()
    assert after.reusable(ask(after)) == settled


def test_constraints_reach_optuna(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, space=SMALL_SPACE, constraints=["parameters<=15", "accuracy>=0.25"])
    ledger = make_ledger(request, tmp_path)
    ledger.complete(ask(ledger).number, METRICS)
    (trial,) = ledger.trials()
    assert trial.constraints == {"parameters<=15": 5.0, "accuracy>=0.25": -0.25}
    assert not ledger.is_feasible(METRICS)
    assert ledger.is_feasible({**METRICS, "parameters": 15.0})


def test_values_out_of_range_that_are_written_already_keep_no_ledger_shut(
    ledger: Ledger, tmp_path: Path
) -> None:
    inside = ask(ledger)
    ledger.complete(inside.number, METRICS)
    domain = optuna.distributions.FloatDistribution(0.001, 0.1)
    for state in (TrialState.COMPLETE, TrialState.RUNNING):
        ledger.study.enqueue_trial({"x": 5.0})
        with pytest.warns(UserWarning, match="out of range"):
            trial = ledger.study.ask({"x": domain})
        for name, value in RunningTrial.attributes(inside.candidate, 0, 1).items():
            trial.set_user_attr(name, value)
        if state == TrialState.COMPLETE:
            ledger.study.tell(trial, 0.9)
    ledger.close()
    after = reopened(ledger, tmp_path)
    after.requeue()
    taken_up = ask(after)
    assert (taken_up.number, taken_up.key) == (2, inside.key)
    after.complete(2, METRICS)
    assert ask(after).number == 3
    assert [trial.params.get("x") for trial in after.trials()][1:3] == [5.0, 5.0]


def test_several_objectives(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, objectives=["parameters", "accuracy"], repeats=3)
    ledger = make_ledger(request, tmp_path)
    row = ask(ledger)
    assert len(set(row.seeds)) == 3
    ledger.report(row.number, 1, METRICS)
    ledger.complete(row.number, METRICS, Beside({"accuracy": 0.125}))
    (trial,) = ledger.trials()
    assert trial.values == [20.0, 0.5]
    assert trial.user_attrs["spread"] == {"accuracy": 0.125}
    assert trial.user_attrs["seeds"] == list(row.seeds)
    assert ledger.study.directions == [
        optuna.study.StudyDirection.MINIMIZE,
        optuna.study.StudyDirection.MAXIMIZE,
    ]


def test_a_folder_with_signs_that_mean_something_in_a_url(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "50% of {it}? #1"
    folder.mkdir()
    ledger = make_ledger(a_request(tiny), folder)
    ask(ledger)
    ledger.close()
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    assert len(open_ledger(ledger.request, folder).trials()) == 1


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all/study.db", "nosuchdb://host/x", "no url at all"]
)
def test_a_storage_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be opened") as caught:
        LedgerStorage(url)
    assert "\n" not in str(caught.value)
