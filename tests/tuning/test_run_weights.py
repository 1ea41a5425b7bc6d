"""Which weights an export hands out, and what can be done where the data are not."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from runs import SPACE, write_tiny_data
from safetensors.torch import load_file

import optcell_search
from optcell_search.ledger.format import TASK_FILE, finalized_in
from optcell_search.tuning import Run, task_file
from optcell_search.tuning.store import finalized_weights

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def made(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run of one finalized trial, and the folder of its data."""
    data = tmp_path_factory.mktemp("data")
    run = optcell_search.search(
        SPACE, write_tiny_data(data), 1, data.parent / "weights" / "run", epochs=1, workers=1
    )
    run.finalize(top=1, seeds=2, ensemble=True)
    return run, data


@pytest.fixture
def moved(made: tuple[Run, Path], tmp_path: Path) -> Run:
    """A copy of the run whose data are no longer where they were."""
    run, data = made
    shutil.copytree(run.directory, tmp_path / "run")
    shutil.copytree(data, tmp_path / "elsewhere")
    for path in (tmp_path / "run").glob("run.toml"):
        assert str(data) in path.read_text()
    data.rename(data.with_name("hidden"))
    return Run.open(tmp_path / "run")


@pytest.fixture(autouse=True)
def _back(made: tuple[Run, Path]) -> Any:
    yield
    hidden = made[1].with_name("hidden")
    if hidden.exists():
        hidden.rename(made[1])


def _record(run: Run) -> dict[str, Any]:
    return dict(finalized_in(run._study.user_attrs)[0])


def _exported(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], str]:
    config = json.loads((folder / "config.json").read_text())
    package = next(folder.glob("*_cell"))
    readme = " ".join((folder / "README.md").read_text().split())
    return config, load_file(package / "model.safetensors"), readme


def test_the_seed_that_does_best_on_validation_is_exported(
    made: tuple[Run, Path], tmp_path: Path
) -> None:
    run, _ = made
    record = _record(run)
    accuracies = record["validation"]["accuracy"]
    best = accuracies.index(max(accuracies))
    config, weights, readme = _exported(run.export("best", tmp_path / "winner"))
    assert config["weights"] == {
        "of": "finalize",
        "trial": 0,
        "seed": record["seeds"][best],
        "place": best + 1,
        "seeds": 2,
        "chosen_by": "accuracy",
    }
    assert config["compared"] is True
    assert f"seed {record['seeds'][best]}, number {best + 1} of the 2 seeds" in readme
    kept = finalized_weights.load(run._checkpoints, 0, record["seeds"][best], record["epochs"])
    assert kept is not None
    assert all(torch.equal(weights[name], tensor) for name, tensor in kept.items())


def test_another_seed_can_be_asked_for_and_others_are_refused(
    made: tuple[Run, Path], tmp_path: Path
) -> None:
    run, _ = made
    seeds = _record(run)["seeds"]
    for place in (1, 2):
        config, weights, _ = _exported(run.export(0, tmp_path / f"seed{place}", seed_of=place))
        kept = finalized_weights.load(run._checkpoints, 0, seeds[place - 1], 1)
        assert kept is not None
        assert all(torch.equal(weights[name], tensor) for name, tensor in kept.items())
        assert config["weights"]["chosen_by"] == ""
    with pytest.raises(ValueError, match="no finalized seed 3; valid: 1 to 2"):
        run.export(0, tmp_path / "third", seed_of=3)
    assert not (tmp_path / "third").exists()


def test_all_seeds_can_be_exported_as_the_one_model_that_was_tested(
    made: tuple[Run, Path], tmp_path: Path
) -> None:
    run, _ = made
    record = _record(run)
    tested = record["ensemble"]
    config, weights, readme = _exported(run.export(0, tmp_path / "all", ensemble=True))
    assert config["weights"] == {"of": "ensemble", "trial": 0, "seeds": record["seeds"]}
    assert (config["members"], config["compared"]) == (2, True)
    for split in ("validation", "test"):
        assert config["scores"][split]["accuracy"] == tested[split]["accuracy"][0]
    assert "the average of 2 trainings" in readme
    for place, seed in enumerate(record["seeds"]):
        kept = finalized_weights.load(run._checkpoints, 0, seed, record["epochs"])
        assert kept is not None
        for name, tensor in kept.items():
            assert torch.equal(weights[f"members.{place}.{name}"], tensor)
    with pytest.raises(ValueError, match="valid: one seed, or all of them"):
        run.export(0, tmp_path / "both", ensemble=True, seed_of=1)


def test_weights_that_were_not_kept_are_trained_again(
    made: tuple[Run, Path], tmp_path: Path
) -> None:
    run, _ = made
    shutil.copytree(run.directory, tmp_path / "run")
    copy, seed = Run.open(tmp_path / "run"), _record(run)["seeds"][0]
    kept = copy.finalized_weights(0, seed)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    again = copy.finalized_weights(0, seed)
    assert all(torch.equal(again[name], tensor) for name, tensor in kept.items())
    with pytest.raises(ValueError, match="trial 0 has no seed 7; valid: "):
        copy.finalized_weights(0, 7)


def test_what_is_too_large_is_not_kept(made: tuple[Run, Path], tmp_path: Path) -> None:
    run, _ = made
    weights = run.weights(0)
    folder = finalized_weights.Location(str(tmp_path / "checkpoints"))
    where = finalized_weights.place(folder, 0, 1, False)
    finalized_weights.save(where, weights, 1, 10**6)
    assert where.sizes()
    # What an earlier training left must not stand for this one.
    finalized_weights.save(where, weights, 1, 10)
    assert not where.sizes()


def test_without_its_data_a_run_exports_shows_and_reports(moved: Run, tmp_path: Path) -> None:
    assert len(moved.results()) == 1
    assert moved.report().is_file()
    with pytest.warns(UserWarning, match="scores are not checked: data file .* not found"):
        moved.export("best", tmp_path / "winner")
    config, _, readme = _exported(tmp_path / "winner")
    assert config["predictor"]
    assert config["compared"] is False
    assert "the data were not there" in readme
    # The predictor is whole all the same.
    assert next((tmp_path / "winner").glob("*/preprocessing.json")).is_file()


def test_data_that_moved_are_named_and_known_by_their_fingerprint(
    moved: Run, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(FileNotFoundError, match="not found"):
        moved.replay(0)
    again = moved.replay(0, data_dir=elsewhere)
    assert max(again.differences.values()) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config, *_ = _exported(moved.export("best", tmp_path / "winner", data_dir=elsewhere))
    assert config["compared"] is True
    assert "elsewhere" not in (moved.directory / "run.toml").read_text()
    # Finalizing writes down where they lie, so that it is asked once.
    moved.finalize(trials=[0], seeds=1, data_dir=elsewhere)
    assert str(elsewhere) in (moved.directory / "run.toml").read_text()
    assert max(Run.open(moved.directory).replay(0).differences.values()) == 0
    moved.resume(num_trials=2)
    assert len(moved.results()) == 2


def test_resume_takes_the_new_place_as_well(moved: Run, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not found"):
        moved.resume(num_trials=2)
    moved.resume(num_trials=2, data_dir=tmp_path / "elsewhere")
    assert len(moved.results()) == 2


def test_other_data_are_refused(moved: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    x = np.random.default_rng(1).normal(size=(40, 3, 2))
    np.savez(other / "tiny.npz", x=x, y=(x.sum((1, 2)) > 0).astype("int64"))
    before = (moved.directory / "run.toml").read_text()
    for call in (
        lambda: moved.replay(0, data_dir=other),
        lambda: moved.finalize(trials=[0], data_dir=other),
        lambda: moved.resume(num_trials=2, data_dir=other),
    ):
        with pytest.raises(ValueError, match="other is no longer what the run began with"):
            call()
    with pytest.raises(ValueError, match="there is no such folder"):
        moved.replay(0, data_dir=tmp_path / "nowhere")
    assert (moved.directory / "run.toml").read_text() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda known: known.pop("preprocessing"),
        lambda known: known.update(input_size="2"),
        lambda known: known["preprocessing"].update(kind="pickle"),
        lambda known: known["preprocessing"]["outputs"].update(classes=[1, 2]),
        lambda known: known["preprocessing"].update(offset=["a"]),
        lambda known: known.update(data="0" * 64),
        lambda known: known.update(more=1),
    ],
)
def test_a_description_that_was_tampered_with_is_refused(moved: Run, change: Any) -> None:
    path = moved.directory / TASK_FILE
    known = json.loads(path.read_text())
    change(known)
    path.write_text(json.dumps(known))
    with pytest.raises(ValueError, match=r"task\.json: (damaged|is of other data)"):
        task_file.read(moved.directory, moved.request)


def test_an_older_folder_is_described_when_it_is_next_worked_on(
    made: tuple[Run, Path], tmp_path: Path
) -> None:
    run, _ = made
    shutil.copytree(run.directory, tmp_path / "run")
    (tmp_path / "run" / TASK_FILE).unlink()
    copy = Run.open(tmp_path / "run")
    assert task_file.read(copy.directory, copy.request) is None
    copy.resume(num_trials=2)
    assert (tmp_path / "run" / TASK_FILE).read_text() == (run.directory / TASK_FILE).read_text()


def test_the_best_by_fresh_seeds_is_exported_once_the_best_of_the_search_was_tested_too(
    made: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = made[0]
    first = next(iter(run.request.objectives))
    row = run.results().iloc[[0]]
    rows = pd.concat([row.assign(number=n, key=f"k{n}") for n in range(3)], ignore_index=True)
    rows[first] = [0.9, 0.8, 0.7]

    def best(*fresh: float | None) -> int:
        known = rows.assign(**{f"validation_{first}": fresh})
        tested = known.dropna(subset=[f"validation_{first}"])
        ordered = tested.sort_values(f"validation_{first}", ascending=False)
        monkeypatch.setattr(Run, "results", lambda self: known)
        monkeypatch.setattr(Run, "finalized", lambda self: ordered)
        return run._best_tested()

    caplog.set_level("INFO", "optcell_search")
    assert best(0.5, None, 0.6) == 2
    assert "of 2 finalized ones the best" in caplog.text
    assert "the best of the search is trial 0" in caplog.text
    assert best(0.6, 0.5, None) == 0
    assert best(None, 0.99, 0.6) == 0, "fresh seeds have not judged it"
    assert best(None, None, None) == 0
