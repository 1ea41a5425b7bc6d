"""The rows of a table are real trainings, and training them again tells whether they still are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tables import head_of

from optcell_search import tasks
from optcell_search.space import Candidate, SearchSpace, trial_seed
from optcell_search.table import Table
from optcell_search.table.rows import write_rows
from optcell_search.table.training import compare, train_row
from optcell_search.tasks import LoadedTask
from optcell_search.training import TIMED, DivergedError, Training, evaluate

EPOCHS = 2


@pytest.fixture(scope="module")
def task(tiny: str) -> LoadedTask:
    return tasks.load(tiny)


def candidate_with(**training: Any) -> Candidate:
    return Candidate.from_dict(
        {"cell": {"name": "rnn"}, "rule": {"name": "heavy_ball"}, "training": training}
    )


@pytest.fixture(scope="module")
def row(task: LoadedTask) -> dict[str, Any]:
    return train_row(candidate_with(lr=1e-2), task, 1, EPOCHS)


def stored(path: Path, row: dict[str, Any], epochs: int = EPOCHS) -> Table:
    space = SearchSpace(cells=["rnn"], rules=["heavy_ball"], name="tiny")
    write_rows(path, head_of(space) | {"epochs": epochs}, [row])
    return Table.load(path)


def test_a_row_is_the_training_of_a_search_with_its_seed(
    task: LoadedTask, row: dict[str, Any]
) -> None:
    candidate = candidate_with(lr=1e-2)
    training = Training(candidate, task, seed=trial_seed(1, candidate.key), epochs=EPOCHS)
    for epoch in range(EPOCHS):
        told = training.epoch()
        for name in told.keys() - set(TIMED):
            assert row["validation"][name][epoch] == told[name], name
        on_train = evaluate(training.model, task.train, task)
        assert {name: values[epoch] for name, values in row["train"].items()} == on_train
    assert row["test"] == evaluate(training.model, task.unseal(), task)
    assert row["gradients"] == {str(d): norm for d, norm in training.gradients().items()}
    assert row["seconds"][0] > 0
    assert row["seconds"] == sorted(row["seconds"])
    assert (row["reason"], row["key"], row["seed"]) == ("", candidate.key, 1)


def test_trained_again_nothing_differs(
    task: LoadedTask, row: dict[str, Any], tmp_path: Path
) -> None:
    candidate = candidate_with(lr=1e-2)
    table = stored(tmp_path / "t.parquet", row)
    again = train_row(candidate, task, 1, EPOCHS)
    differences = compare(table, candidate, 1, again)
    assert {"validation.accuracy", "train.loss", "test.accuracy", "gradients.0"} <= set(differences)
    assert set(differences.values()) == {0.0}


def test_another_training_differs(task: LoadedTask, row: dict[str, Any], tmp_path: Path) -> None:
    candidate = candidate_with(lr=1e-2)
    table = stored(tmp_path / "t.parquet", row | {"seed": 0})
    again = train_row(candidate, task, 0, EPOCHS)
    assert compare(table, candidate, 0, again)["validation.train_loss"] > 0
    shorter = train_row(candidate, task, 0, EPOCHS - 1)
    assert compare(table, candidate, 0, shorter)["epochs"] == float("inf")


def test_what_diverges_is_a_row_with_the_epochs_before(
    task: LoadedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, epoch = candidate_with(lr=1e-2), Training.epoch

    def diverging(training: Training) -> dict[str, float]:
        if training.epochs == 3:
            raise DivergedError("a loss is inf")
        return epoch(training)

    monkeypatch.setattr(Training, "epoch", diverging)
    row = train_row(candidate, task, 0, epochs=9)
    assert (row["reason"], row["detail"]) == ("diverged", "a loss is inf")
    assert row["test"] == {}
    assert row["validation"]["epoch"] == [1, 2, 3]
    # The epoch that was not finished took time, too.
    assert len(row["seconds"]) == 4
    table = stored(tmp_path / "t.parquet", row, epochs=9)
    assert set(compare(table, candidate, 0, row).values()) == {0.0}
