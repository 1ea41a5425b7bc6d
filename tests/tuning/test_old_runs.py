"""Runs that an earlier release wrote open, show, resume, finalize and export."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optcell_search.ledger.request import Request
from optcell_search.space import Candidate
from optcell_search.tuning import Run

KEPT = Path(__file__).parents[1] / "data" / "run_0_1_0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A search of 0.1.0 for five trials that ended after the fourth; digits, two epochs."""
    return Path(shutil.copytree(KEPT, tmp_path / "run"))


def test_it_opens_and_shows(folder: Path) -> None:
    run = Run.open(folder)
    known = run.status()
    assert (known["asked"], known["missing"]) == (5, 1)
    assert (known["complete"], known["pruned"], known["best"]) == (3, 1, 2)
    assert list(run.pareto()["number"]) == [2, 0]
    assert run.best()["accuracy"] == pytest.approx(0.3589, abs=1e-4)


def test_every_candidate_has_the_key_it_was_stored_under(folder: Path) -> None:
    table = Run.open(folder).results()
    run = Run.open(folder)
    complete = table[table["state"] == "COMPLETE"]
    assert [run.candidate(int(n))[1].key for n in complete["number"]] == list(complete["key"])


def test_a_penalty_of_0_1_is_read_and_keeps_its_key() -> None:
    """As 0.1.0 wrote it, and the key it had there."""
    stored = {
        "cell": {"name": "lstm"},
        "rule": {"name": "gd", "s": 1.1266381897545519},
        "model": {
            "hidden_size": 64, "num_layers": 1, "dropout": 0.0, "bidirectional": False,
            "learn_rule": False,
        },
        "training": {
            "optimizer": "rmsprop", "lr": 0.001, "batch_size": 128, "clip": 1.0,
            "weight_decay": 0.0, "pretrain_epochs": 0,
        },
        "objective": {"energy_imbalance": {"weight": 0.5, "tolerance": 24.0}},
    }  # fmt: skip
    candidate = Candidate.from_dict(stored)
    assert candidate.key == "53e79966b1dd6e76"
    assert dict(candidate.penalties)["energy_imbalance"] == (("weight", 0.5), ("tolerance", 24.0))


def test_a_request_without_a_format_is_read(folder: Path) -> None:
    path = folder / "run.toml"
    path.write_text(path.read_text().replace("format = 1\n", ""))
    assert Request.read(folder).num_trials == 5


@pytest.mark.usefixtures("cluster")
def test_it_resumes_finalizes_and_exports(folder: Path, tmp_path: Path) -> None:
    run = Run.open(folder).resume()
    known = run.status()
    assert known["missing"] == known["running"] == 0
    assert known["complete"] + known["pruned"] == 5
    tested = run.finalize(top=1, seeds=1)
    assert 0 < float(tested["test_accuracy"].iloc[0]) <= 1
    assert (run.export("best", tmp_path / "winner") / "pyproject.toml").is_file()
