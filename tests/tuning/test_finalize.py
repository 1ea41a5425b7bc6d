"""Training again and testing, where there is a baseline to compare with."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from runs import SMALL_SPACE

import optcell_search
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.trials.scores import finalized
from optcell_search.tuning import Run, RunFailedError
from optcell_search.tuning.cluster import heartbeat
from optcell_search.tuning.finalizing import finalize

SPACE: dict[str, Any] = {
    "name": "movies",
    "cells": ["conv_rnn"],
    "rules": ["gd"],
    "model": {"depth": 3, "channels": 4, "feedback_3_1": {"choices": [0, 1]}},
    "training": {"lr": {"low": 1e-3, "high": 1e-2, "log": True}},
}
TASK = "stream_digits:size=16,frames=3,examples=60"

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def run(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "movies"
    run = optcell_search.search(SPACE, TASK, 2, folder, epochs=2, workers=2, threads=1)
    run.finalize(top=1, seeds=2)
    return run


@pytest.mark.slow
def test_a_network_over_movies_is_finalized_beside_its_feedforward_baseline(run: Run) -> None:
    row = run.results().dropna(subset=["finalized"]).iloc[0]
    assert row["finalized"] == 2
    for metric in ("test_accuracy", "baseline_test_accuracy", "baseline_validation_accuracy"):
        assert 0 <= row[metric] <= 1
        assert row[f"{metric}_std"] >= 0


@pytest.mark.slow
def test_the_baseline_has_the_same_seeds_and_is_a_network_of_its_own(run: Run) -> None:
    number = int(run.results().dropna(subset=["finalized"])["number"].iloc[0])
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        record = finalized(ledger.study, number)
    assert [one["kind"] for one in record["diagnoses"]] == ["confusion"] * 2
    # A row a class; every tested movie is in it once for each seed.
    whole = np.array(record["diagnosis"]["matrix"])
    assert whole.shape == (10, 10)
    assert (whole == sum(np.array(one["matrix"]) for one in record["diagnoses"])).all()
    correct = whole.trace() / whole.sum()
    assert correct == pytest.approx(float(np.mean(record["test"]["accuracy"])))
    baseline = record["baseline"]
    assert baseline["seeds"] == record["seeds"]
    assert baseline["epochs"] == record["epochs"]
    assert not set(baseline["test"]["loss"]) & set(record["test"]["loss"])


def test_without_a_node_it_breaks_off_and_goes_on_later(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = optcell_search.search(SMALL_SPACE, tiny, 1, tmp_path / "run", epochs=1, workers=2)
    with monkeypatch.context() as lost:
        lost.setattr(finalize, "_SECONDS_BETWEEN_LOOKS", 0.0)
        # For the waiting alone: the nodes are asked before the work begins, too.
        lost.setattr(finalize, "heartbeat", SimpleNamespace(nodes=list, NO_NODE=heartbeat.NO_NODE))
        with pytest.raises(RunFailedError, match="lost its last node; asked for again, it goes on"):
            run.finalize(trials=[0], seeds=3)
    again = run.finalize(trials=[0], seeds=3)
    assert again["finalized"].tolist() == [3]
