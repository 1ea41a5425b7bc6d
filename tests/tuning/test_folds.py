"""A search in folds: the same twice, replayed, trained on everything, and its seeds as one."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exporting import no_formats
from runs import SPACE, write_series
from safetensors.torch import load_file, save_file

import optcell_search
from optcell_search import tasks
from optcell_search.cli import tables
from optcell_search.export import formats
from optcell_search.ledger.format import DATABASE, REASON, finalized_in
from optcell_search.ledger.trials.reasons import cut
from optcell_search.tasks.folds import chance_in
from optcell_search.tuning import Run

pytestmark = pytest.mark.usefixtures("cluster")

FOLDS, EPOCHS, TRIALS = 3, 3, 4
CLOCK = ("train_seconds", "latency_ms", "seconds", "started")


def searched(task: str, folder: Path) -> Run:
    return optcell_search.search(
        SPACE, task, TRIALS, folder,
        folds=FOLDS, epochs=EPOCHS, seed=3, workers=2, threads=1, deterministic=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(cluster: None, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return searched(tiny, tmp_path_factory.mktemp("runs") / "folds")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the other forms of the model, which take most of an export's time."""
    monkeypatch.setattr(formats, "write_formats", no_formats)


@pytest.mark.slow
def test_a_search_twice_with_the_same_seed_is_equal(run: Run, tiny: str, tmp_path: Path) -> None:
    first, again = run.results(), searched(tiny, tmp_path / "again").results()
    kept = [name for name in first if not name.removesuffix("_std").startswith(CLOCK)]
    assert first[kept].equals(again[kept])
    assert len(first) == TRIALS
    # The plain cell is the first.
    assert (first["rule"][0], first["gd.s"][0]) == ("gd", 1.0)


def test_every_trial_has_a_training_a_fold_and_their_spread(run: Run) -> None:
    for trial in run._study.get_trials():
        assert len(trial.user_attrs["seeds"]) == FOLDS
        assert trial.user_attrs["spread"]["loss"] > 0
    assert run.request.folds == FOLDS
    assert run.gain() is not None
    assert f"in the same {FOLDS} folds" in str(run.gain())


def test_a_folded_trial_is_replayed_to_the_same_numbers(run: Run) -> None:
    again = run.replay(1)
    assert set(again.differences.values()) == {0.0}
    assert "best_epoch" in again.differences


def exported(run: Run, folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], str]:
    """Return an export's config, weights and README."""
    run.export(0, folder)
    config = json.loads((folder / "config.json").read_text())
    (weights,) = folder.glob("*_cell/model.safetensors")
    return config, load_file(weights), " ".join((folder / "README.md").read_text().split())


def test_an_export_says_of_which_fold_the_weights_are_and_that_scores_are_means(
    run: Run, tmp_path: Path, quick: None
) -> None:
    config, weights, readme = exported(run, tmp_path / "classes")
    assert config["weights"] == {"of": "search", "trial": 0, "fold": 1, "folds": FOLDS}
    known = run._study.get_trials()[0].user_attrs
    assert config["spread"]["accuracy"] == known["spread"]["accuracy"]
    mean, std = known["metrics"]["accuracy"], known["spread"]["accuracy"]
    assert "| split | metric | score | trainings |" in readme
    assert f"| validation | accuracy | {mean:.4g} ± {std:.2g} | {FOLDS} |" in readme
    assert f"those of fold 1 of {FOLDS}, trained on these data but for that fold" in readme
    assert "not the score of these weights" in readme
    assert "the scores that these weights have there" in readme
    again = run.replay(0)
    assert again.fold == 0
    assert all(torch.equal(again.weights[name], weights[name]) for name in weights)
    assert tables.origin(config["weights"]) == (
        "weights: of the search, trial 0, which was not finalized; fold 1 of 3, trained on a part "
        "of the data (`finalize` trains on all but the test split), while scores are means over "
        "folds"
    )


def test_a_forecast_hands_out_the_fold_that_has_seen_the_most(tmp_path: Path, quick: None) -> None:
    run = optcell_search.search(
        SPACE, write_series(tmp_path), 1, tmp_path / "run",
        folds=FOLDS, repeats=2, epochs=1, seed=3, workers=1, threads=1,
    )  # fmt: skip
    task = tasks.load(write_series(tmp_path))
    found = run.chance()
    assert found["search"] == pytest.approx(chance_in(task, FOLDS, seed=3))
    assert found["validation"] == pytest.approx(task.chance) != found["search"]
    config, weights, readme = exported(run, tmp_path / "first")
    said = {"of": "search", "trial": 0, "fold": FOLDS, "folds": FOLDS, "repeats": 2}
    assert config["weights"] == said
    assert "in the first repeat; it was not finalized. They are those of fold 3 of 3" in readme
    assert "fold 3 of 3, trained on the oldest 3 of 4 parts" in readme
    assert f"standard deviation over {2 * FOLDS} trainings ({FOLDS} folds of training" in readme
    assert "; the first of 2 repeats; fold 3 of 3" in tables.origin(said)
    # As an older run folder has it: the first fold's, which the file does not say.
    path = run.directory / "checkpoints" / "0" / "model.safetensors"
    save_file(load_file(path), path)
    config, _, readme = exported(run, tmp_path / "older")
    assert config["weights"] == {**said, "fold": 1}
    assert f"fold 1 of {FOLDS}, trained on the oldest 1 of {FOLDS + 1} parts" in readme
    path.unlink()
    config, again, _ = exported(run, tmp_path / "again")
    assert config["weights"] == said
    assert all(torch.equal(again[name], tensor) for name, tensor in weights.items())


def record_of(run: Run, number: int) -> Any:
    return finalized_in(run._study.user_attrs)[number]


def test_what_was_judged_in_folds_is_trained_on_everything_and_averaged(run: Run) -> None:
    number = int(run.best()["number"])
    row = run.finalize(trials=[number], seeds=2, ensemble=True).iloc[0]
    record = record_of(run, number)
    assert record["refit"] is True
    assert record["epochs"] == max(1, round(row["best_epoch"]))
    # Of what it has been trained on there is no score.
    assert record["validation"] == {}
    single = record["test"]["loss"]
    (together,) = record["ensemble"]["test"]["loss"]
    assert together < np.mean(single)
    assert row["ensemble_test_loss"] == together
    assert row["test_loss"] == pytest.approx(np.mean(single))
    # What is kept is what was trained: on all but the test split.
    kept = run.finalized_weights(number, record["seeds"][0])
    shutil.rmtree(run.directory / "checkpoints" / "refit" / str(number))
    trained = run.finalized_weights(number, record["seeds"][0])
    assert all((kept[name] == trained[name]).all() for name in kept)
    other = run.finalize(trials=[number], seeds=2, refit=False).iloc[0]
    assert "refit" not in record_of(run, number)
    assert record_of(run, number)["validation"].keys() >= {"accuracy", "loss"}
    assert record_of(run, number)["epochs"] == EPOCHS
    assert other["test_loss"] != row["test_loss"]


def test_finalize_tests_the_plain_cell_beside_the_best(run: Run) -> None:
    table = run.results()
    numbers = set(run.finalize(top=1, seeds=2)["number"])
    assert int(run.best()["number"]) in numbers
    plain = set(table["number"][(table["rule"] == "gd") & (table["gd.s"] == 1.0)])
    assert numbers & plain
    found = run.gain()
    assert found is not None
    assert found.source == "test"
    assert found.sentence in run.status()["gain"]["sentence"]


def test_what_was_cut_is_said_to_be_unjudged_wherever_it_is_trained_again(
    run: Run, tmp_path: Path
) -> None:
    folder = shutil.copytree(run.directory, tmp_path / "run")
    attribute = (1, REASON, json.dumps(cut("the time is used up")))
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database, database:
        known = "trial_user_attributes(trial_id, key, value_json)"
        database.execute(f"INSERT OR REPLACE INTO {known} VALUES (?, ?, ?)", attribute)
    told = rf"^trial 0 ended early in the search \(cut: .*after {EPOCHS} epochs"
    with pytest.warns(UserWarning, match=told):
        Run.open(folder).finalize(trials=[0], seeds=1)
    with pytest.warns(UserWarning, match=told):
        Run.open(folder).refitted_weights(0)
