"""Putting candidates into the queue of a run, and having trials end early."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.reading import load
from optcell_search.tuning import Run, RunFailedError, extending
from optcell_search.tuning.cluster import connection
from optcell_search.tuning.run_steering import RunSteering


@pytest.fixture
def run(tiny: str, tmp_path: Path) -> RunSteering:
    """A run with a complete trial, and one that runs."""
    request = a_request(tiny, num_trials=4)
    folders.make(tmp_path / "run", request)
    with contextlib.closing(open_ledger(request, tmp_path / "run")) as ledger:
        for seed in range(2):
            trial = ledger.ask(request.search_space, RandomSampler(seed=seed))
            assert trial is not None
        ledger.complete(0, {"accuracy": 0.5, "parameters": 9.0})
    return RunSteering.open(tmp_path / "run")


def test_a_search_that_goes_on_takes_up_what_is_enqueued(run: RunSteering) -> None:
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        before = run.candidate(0)[1]
        number = run.enqueue(0, {"training.lr": "0.005"})
        assert number == 2
        ledger.ask(run.request.search_space, RandomSampler(seed=8))
        trial = ledger.ask(run.request.search_space, RandomSampler(seed=9))
    assert trial is not None
    assert trial.number == 2
    changed = before.flat() | {"training.lr": 0.005}
    assert trial.candidate.flat() == changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nothing": 1}, "has no setting 'nothing'; valid: "),
        ({"cell": "gru"}, "has no setting 'cell'"),
        ({"lr": "fast"}, r"training.lr = 'fast'; valid: a number"),
        ({"lr": 1e9}, "lr = 1000000000.0 is out of range"),
        ({"lr": "5"}, "not in the search space: training.lr = 5.0; valid: "),
        ({"hidden_size": "1.5"}, "model.hidden_size = '1.5'; valid: a whole number"),
        ({"bidirectional": "perhaps"}, "valid: true or false"),
        ({}, "trial 0 is that candidate; change another"),
    ],
)
def test_what_cannot_be_enqueued_is_refused_by_name(
    run: RunSteering, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run.enqueue(0, changes)
    assert len(load(run.directory).trials) == 2
    with pytest.raises(ValueError, match="no trial 9; valid: 0 to 1"):
        run.enqueue(9, {"lr": 0.1})


def test_what_waits_is_not_enqueued_again_and_each_is_told_its_own_number(
    run: RunSteering, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.enqueue(0, {"lr": 0.005}) == 2
    with pytest.raises(ValueError, match="trial 2, which waits, is that candidate; change another"):
        run.enqueue(0, {"lr": 0.005})
    other = {**run.candidate(0)[1].flat(), "training.lr": 0.006}
    put = optuna.Study.enqueue_trial

    def both(study: optuna.Study, values: dict[str, Any]) -> None:
        """Somebody else is a moment earlier."""
        put(study, other)
        put(study, values)

    monkeypatch.setattr(optuna.Study, "enqueue_trial", both)
    number = run.enqueue(0, {"lr": 0.007})
    found = load(run.directory).trials[number].system_attrs["fixed_params"]
    assert (number, found["training.lr"]) == (4, 0.007)


def test_a_running_trial_alone_is_pruned(run: RunSteering) -> None:
    with pytest.raises(ValueError, match="trial 0 is not running; valid: 1"):
        run.prune(0)
    run.prune(1)
    assert load(run.directory).user_attrs["prune:1"] is True
    assert "prune:0" not in load(run.directory).user_attrs


def test_a_search_at_work_is_extended_and_no_other(run: RunSteering) -> None:
    with pytest.raises(ValueError, match=r"no process .* works on it; `optcell-search resume"):
        run.extend(9)
    with folders.locked(run.directory):
        for wrong, message in (
            ({}, "asks for nothing; valid: new trials, time or patience"),
            ({"num_trials": 0}, "num_trials = 0; valid: integers, 1 or more"),
            ({"time": "soon"}, "time = soon; valid: a time such as 90s"),
            ({"patience": -1}, "patience = -1; valid: integers, 0 or more"),
        ):
            with pytest.raises(ValueError, match=message):
                run.extend(**wrong)
        assert "extend" not in load(run.directory).user_attrs
        run.extend(9)
        run.extend(time="1h30m")
    assert load(run.directory).user_attrs["extend"] == {"num_trials": 9, "time": 5400.0}


def test_a_run_that_is_finalized_is_not_extended(
    run: RunSteering, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def connected(*_: object) -> Iterator[None]:
        with pytest.raises(ValueError, match=r"is finalized at the moment; after that `optcell-s"):
            run.extend(9)
        raise RunFailedError("enough")
        yield

    monkeypatch.setattr(connection, "connected", connected)
    with pytest.raises(RunFailedError, match="enough"):
        Run.open(run.directory).finalize(trials=[0], seeds=1)
    assert "extend" not in load(run.directory).user_attrs
    with folders.locked(run.directory):
        run.extend(9)


def test_new_limits_are_taken_up_once_and_stand_in_study_and_file(run: RunSteering) -> None:
    with folders.locked(run.directory):
        run.extend(9, time=60, patience=5)
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        assert ledger.missing == 2
        extending.take_up(ledger, run.directory, load(run.directory).user_attrs["extend"])
        assert ledger.missing == 7
        assert load(run.directory).user_attrs["extend"] == {}
        # Whoever edits a study does not end the search by it.
        odd = {"num_trials": "ten", "time": -1.0, "patience": True, "until": ["loss<1"]}
        ledger.note("extend", odd)
        extending.take_up(ledger, run.directory, odd)
        assert load(run.directory).user_attrs["extend"] == {}
    again = RunSteering.open(run.directory).request
    assert (again.num_trials, again.time_limit, again.patience) == (9, 60.0, 5)
    assert again.until == run.request.until
