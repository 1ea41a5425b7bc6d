"""What needs no input is noted of the task, and of the test part by what `finalize` keeps."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import balanced_accuracy_score, log_loss, mean_absolute_error, r2_score

from optcell_search import tasks
from optcell_search.cells import OptCell
from optcell_search.results import chance
from optcell_search.tasks.folds import chance_in
from optcell_search.training import examine
from optcell_search.tuning import task_file


def arrays(folder: Path, y: Any) -> tasks.LoadedTask:
    x = np.random.RandomState(0).randn(60, 4, 1)
    np.savez(folder / "a.npz", x=x, y=y)
    return tasks.load(str(folder / "a.npz"))


def numbers(split: tasks.Split) -> Any:
    return split.known.double().numpy().reshape(len(split), -1)[:, 0]


def test_of_numbers_it_is_the_mean_of_training(tmp_path: Path) -> None:
    task = arrays(tmp_path, np.random.RandomState(1).randn(60) * 30 + 400)
    dummy = DummyRegressor().fit(np.zeros((len(task.train), 1)), numbers(task.train))
    for split, found in (
        (task.validation, task.chance),
        (task.unseal(), task.chance_on(task.test)),
    ):
        said = dummy.predict(np.zeros((len(split), 1)))
        assert found["mae"] == pytest.approx(mean_absolute_error(numbers(split), said))
        assert found["r2"] == pytest.approx(r2_score(numbers(split), said), rel=1e-4)


def test_of_classes_it_is_their_frequencies(tmp_path: Path) -> None:
    task = arrays(tmp_path, np.arange(60) % 5 % 3)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros(len(task.train)), numbers(task.train))
    test = task.unseal()
    found = task.chance_on(test)
    truth, nothing = numbers(test), np.zeros(len(test))
    said, shares = dummy.predict(nothing), dummy.predict_proba(nothing)
    assert found["accuracy"] == pytest.approx((said == truth).mean())
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))
    assert found["cross_entropy"] == pytest.approx(log_loss(truth, shares), rel=1e-6)


class Constant(torch.nn.Module):
    """A model that answers 0."""

    reads = "last"

    def __init__(self) -> None:
        super().__init__()
        self.cell = OptCell(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(x), 1)


def test_it_is_told_of_a_folder(tmp_path: Path) -> None:
    task = arrays(tmp_path, np.random.RandomState(1).randn(60))
    _, diagnosis = examine(Constant(), task.unseal(), task)
    assert diagnosis["chance"] == pytest.approx(
        {name: value for name, value in task.chance_on(task.test).items() if math.isfinite(value)}
    )
    record = {"seeds": [1], "validation": {}, "test": {}, "epochs": 1, "diagnosis": diagnosis}
    attributes = {"finalized:0": record}
    assert chance(tmp_path, attributes) == {"test": pytest.approx(diagnosis["chance"])}
    assert chance(tmp_path, {}) == {}
    path = tmp_path / "task.json"
    path.write_text(task_file.content(task))
    own = {part: pytest.approx(task.chance) for part in ("search", "validation")}
    assert chance(tmp_path, {}) == own
    # Of its folds a run of an older version has noted nothing.
    assert chance(tmp_path, {"request": {"folds": 3}}) == {"validation": own["validation"]}
    path.write_text(task_file.content(task, folds=3, seed=1))
    own["search"] = pytest.approx(chance_in(task, 3, seed=1))
    assert chance(tmp_path, {"request": {"folds": 3}}) == own
    assert own["search"] != own["validation"].expected
    assert chance(None, attributes) == {"test": pytest.approx(diagnosis["chance"])}
    in_folds = '{"chance_in_folds": 1}'
    for damaged in ('{"chance": [1]}', in_folds, '{"chance": {"mae": "much"}}', "[]", "{"):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"task\.json: damaged: "):
            chance(tmp_path, attributes)
    # As older versions have written it.
    path.write_text(json.dumps({"spec": "digits"}))
    assert chance(tmp_path, {}) == {}
