"""What can be trained with a refit alone, or without one alone, is told before it begins."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.tasks import LoadedTask
from optcell_search.tuning import Run
from optcell_search.tuning.cluster import connection


def test_streams_that_do_not_go_on_one_by_one_are_not_refitted(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = a_request(tiny, num_trials=1)
    folders.make(tmp_path / "run", request)
    with contextlib.closing(open_ledger(request, tmp_path / "run")) as ledger:
        assert ledger.ask(request.search_space, RandomSampler(seed=0)) is not None
        ledger.complete(0, {"accuracy": 0.5})
    run = Run.open(tmp_path / "run")
    monkeypatch.setattr(LoadedTask, "chunk", 2)
    monkeypatch.setattr(connection, "connected", pytest.fail)
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()}
    counts = r"goes on in \d+ streams where training has \d+, .*; valid: no refit$"
    for refitted in (lambda: run.finalize(refit=True), lambda: run.refitted_weights(0)):
        with pytest.raises(ValueError, match=counts):
            refitted()
    assert {p: p.read_bytes() for p in run.directory.rglob("*") if p.is_file()} == before


def test_what_folds_define_and_validation_does_not_is_finalized_with_a_refit_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.round(np.random.RandomState(0).randn(300), 1)
    values[205:245] = 0
    series = tmp_path / "series.csv"
    series.write_text("y\n" + "\n".join(map(str, values)) + "\n")
    spec = f"forecast:file={series},target=y,window=6,horizon=2"
    request = a_request(spec, num_trials=1, objectives=["r2"], folds="auto")
    assert request.folds == 5
    folders.make(tmp_path / "run", request)
    with contextlib.closing(open_ledger(request, tmp_path / "run")) as ledger:
        assert ledger.ask(request.search_space, RandomSampler(seed=0)) is not None
        ledger.complete(0, {"r2": 0.5})
    run = Run.open(tmp_path / "run")
    monkeypatch.setattr(connection, "connected", pytest.fail)
    expected = "run: r2 is not defined for the targets that validation has; valid: refit$"
    with pytest.raises(ValueError, match=expected):
        run.finalize(refit=False)
