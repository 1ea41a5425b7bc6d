"""What cannot be trained on together is told before anything is trained or written."""

from __future__ import annotations

import contextlib
from pathlib import Path

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
