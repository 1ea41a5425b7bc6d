"""Searches on a real Ray cluster."""

from __future__ import annotations

import contextlib
import os
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import torch
from runs import SMALL_SPACE, SPACE

import optcell_search
from optcell_search import results
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.trials.scores import finalized
from optcell_search.tuning import Run
from optcell_search.tuning.cluster.connection import connected
from optcell_search.tuning.store.file_systems import Location

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def run(cluster: None, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return optcell_search.search(
        SPACE,
        tiny,
        6,
        tmp_path_factory.mktemp("runs") / "first",
        objectives=("accuracy", "parameters"),
        scheduler="none",
        epochs=2,
        workers=2,
        threads=1,
    )


def test_every_candidate_has_its_row(run: Run) -> None:
    table = run.results()
    assert list(table["state"]) == ["COMPLETE"] * 6
    assert list(table["epochs"]) == [2] * 6
    assert table["accuracy"].between(0, 1).all()
    assert set(table["rule"]) <= {"gd", "heavy_ball"}


def test_the_folder_explains_itself(run: Run) -> None:
    names = {path.name for path in run.directory.iterdir()}
    assert names == {"run.toml", "task.json", "study.db", "ray", "checkpoints", "report.html"}
    request = tomllib.loads((run.directory / "run.toml").read_text())
    assert request["seed"] == 0
    assert request["space"]["rules"] == ["gd", "heavy_ball"]
    # The ledger opens as any Optuna study does.
    study = results.load(run.directory)
    assert len(study.trials) == 6
    assert "<html" in (run.directory / "report.html").read_text()


def test_the_weights_of_the_front_are_kept(run: Run) -> None:
    front = set(run.pareto()["number"])
    kept = {int(path.name) for path in (run.directory / "checkpoints").iterdir()}
    assert kept == front
    assert not list(run.directory.rglob("training.pt"))


def test_a_finished_run_resumes_to_itself(run: Run) -> None:
    before = run.results()
    pd.testing.assert_frame_equal(Run.open(run.directory).resume().results(), before)


def test_a_run_can_be_read_again(run: Run) -> None:
    again = Run.open(str(run.directory))
    assert again.request == run.request
    assert int(again.best("knee")["number"]) in set(run.pareto()["number"])
    assert again.best()["accuracy"] == run.results()["accuracy"].max()
    status = again.status()
    assert (status["complete"], status["running"], status["missing"]) == (6, 0, 0)


def test_replay_comes_to_the_same_numbers(run: Run) -> None:
    for number in range(3):
        again = run.replay(number)
        assert sorted(again.recorded) == [1, 2]
        assert set(again.differences.values()) == {0.0}


def test_weights_are_those_of_a_replay(run: Run) -> None:
    number = int(run.best()["number"])
    saved = run.weights(number)
    for name, tensor in run.replay(number).weights.items():
        assert torch.equal(saved[name], tensor)


def test_finalize_tests_and_only_what_is_lacking(run: Run) -> None:
    first = run.finalize(top=1, seeds=2)
    number = int(run.pareto()["number"].iloc[0])
    assert number in set(first["number"])
    assert first["validation_accuracy"].is_monotonic_decreasing, "the best by fresh seeds first"
    assert first["finalized"].iloc[0] == 2
    assert 0 <= first["test_accuracy"].iloc[0] <= 1
    assert first["test_accuracy_std"].iloc[0] >= 0
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        record = finalized(ledger.study, number)
        search_seeds = {trial.user_attrs["seed"] for trial in ledger.trials()}
    assert len(record["test"]["accuracy"]) == 2
    assert not set(record["seeds"]) & search_seeds
    second = run.finalize(top=1, seeds=3)
    # Besides it the plain cell that it is compared with, unless it is that.
    assert len(second) <= 2
    assert set(second["rule"][second["number"] != number]) <= {"gd"}
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        after = finalized(ledger.study, number)
    assert after["seeds"][:2] == record["seeds"]
    assert after["test"]["loss"][:2] == record["test"]["loss"]
    assert len(set(after["test"]["loss"])) == 3
    assert run.results()["test_accuracy"].notna().sum() == len(second)


def test_the_winner_is_exported(run: Run, tmp_path: Path) -> None:
    package = run.export("best", tmp_path / "winner")
    assert (package / "winner_cell" / "model.safetensors").is_file()
    with pytest.raises(FileExistsError, match="already exists"):
        run.export("best", tmp_path / "winner")


def test_asking_for_what_is_not_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no trial 99; valid: 0 to 5"):
        run.replay(99)
    with pytest.raises(ValueError, match=r"trial 99 is not complete; valid: 0, 1, 2, 3, 4, 5"):
        run.finalize(trials=[99])
    with pytest.raises(ValueError, match="top = 0; valid"):
        run.finalize(top=0)
    with pytest.raises(ValueError, match="trial 99 is not complete"):
        run.export(99, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_second_run_does_not_get_into_the_folder(run: Run, tiny: str) -> None:
    before = run.results()
    with pytest.raises(FileExistsError, match="holds a run already"):
        optcell_search.search(SPACE, tiny, 1, run.directory)
    pd.testing.assert_frame_equal(run.results(), before)


def test_constraints_are_kept_from_optuna_to_the_export(tiny: str, tmp_path: Path) -> None:
    # The smallest networks are on the front of two objectives in any case, but for the bound.
    run = optcell_search.search(
        SMALL_SPACE,
        tiny,
        8,
        tmp_path / "run",
        objectives=("accuracy", "parameters"),
        constraints=["parameters>=20"],
        sampler="grid",
        scheduler="none",
        epochs=1,
        workers=2,
        threads=1,
    )
    table = run.results()
    small, large = table[table["parameters"] < 20], table[table["parameters"] >= 20]
    assert len(small) == len(large) == 4
    study = results.load(run.directory)
    for trial in study.trials:
        assert trial.constraints == {"parameters>=20": 20 - trial.values[1]}
    # Optuna's own front agrees with ours.
    assert {trial.number for trial in study.best_trials} == set(run.pareto()["number"])
    assert set(run.pareto()["number"]) <= set(large["number"])
    chosen = [int(run.best(which)["number"]) for which in ("best", "parameters", "knee")]
    assert set(chosen) <= set(large["number"])
    finalized = run.finalize(top=8, seeds=1)
    assert set(finalized["number"]) == set(large["number"])
    kept = {path.name for path in (run.directory / "checkpoints").iterdir()}
    assert kept == {"finalized", *map(str, run.pareto()["number"])}


def test_being_connected_leaves_the_environment_as_it_was(run: Run) -> None:
    before = dict(os.environ)
    with connected(run.request, Location(str(run.directory)), run._source):
        assert os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] == "1"
    assert dict(os.environ) == before
