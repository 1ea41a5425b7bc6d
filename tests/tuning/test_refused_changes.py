"""What a resume or a finalization does not do: it is said, and the run is as it was."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import RandomSampler
from runs import a_request, write_tiny_data

from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.reading import load
from optcell_search.tuning import Run
from optcell_search.tuning.cluster import connection


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a complete trial and one that a driver left which died."""
    request = a_request(write_tiny_data(tmp_path), num_trials=4)
    folders.make(tmp_path / "run", request)
    with contextlib.closing(open_ledger(request, tmp_path / "run")) as ledger:
        for seed in range(2):
            assert ledger.ask(request.search_space, RandomSampler(seed=seed)) is not None
        ledger.complete(0, {"accuracy": 0.5, "parameters": 9.0})
    return Run.open(tmp_path / "run")


@contextlib.contextmanager
def _no_cluster(*_: object) -> Iterator[None]:
    raise ValueError("address nonsense:1: no Ray cluster answers")
    yield


def _state(run: Run) -> list[Any]:
    study = load(run.directory)
    known = [(trial.state, trial.user_attrs) for trial in study.trials]
    return [(run.directory / "run.toml").read_text(), run.request, study.user_attrs, known]


def test_a_resume_that_finds_no_cluster_changes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "connected", _no_cluster)
    before = _state(run)
    with pytest.raises(ValueError, match="no Ray cluster answers"):
        run.resume("nonsense:1", num_trials=99, patience=50, skip=[1])
    with pytest.raises(ValueError, match="no Ray cluster answers"):
        run.resume("nonsense:1", data_dir=tmp_path)
    with pytest.raises(ValueError, match="no Ray cluster answers"):
        run.finalize(trials=[0], seeds=1, data_dir=tmp_path, address="nonsense:1")
    assert _state(run) == before


def test_a_resume_without_its_data_changes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tiny.npz").unlink()
    before = _state(run)
    with pytest.raises(FileNotFoundError, match="not found"):
        run.resume(num_trials=99, skip=[1])
    assert _state(run) == before


def test_a_resume_that_leaves_nothing_to_train_needs_neither(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "connected", _no_cluster)
    (tmp_path / "tiny.npz").unlink()
    run.resume(num_trials=2, skip=[1, 1])
    assert run.request.num_trials == 2
    assert run.status()["failures"] == {"given up": 1}


def test_a_resume_that_a_limit_keeps_from_training_says_so(run: Run) -> None:
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        ledger.requeue()
        trial = ledger.ask(run.request.search_space, RandomSampler(seed=5))
        assert trial is not None
        ledger.fail(trial.number, "diverged")
    run.enqueue(0, {"lr": 0.005})
    said = re.escape(
        "nothing was trained: no better front in 1 trials; "
        f"`optcell-search resume {run.directory} --patience 0` goes on"
    )
    with pytest.warns(UserWarning, match=f"^{said}$"):
        run.resume(num_trials=20, patience=1)
    assert run.status()["waiting"] == 1
