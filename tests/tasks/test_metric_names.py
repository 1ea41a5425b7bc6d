"""A metric has a name of its own: tables of trials have columns for other things, too."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ledgers import Ledger, candidate

from optcell_search import results, tasks, training
from optcell_search.tasks.describing import TAKEN, checked


def test_a_metric_that_is_called_as_a_column_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks.load("copying:lag=3,examples=20").task
    data = task.search_data(Path())
    assert checked(task, data) is data
    for name in ("seconds", "key", "parameters", "top.5"):
        goal: Any = dataclasses.replace(data.goal)  # type: ignore[type-var]
        monkeypatch.setattr(type(goal), "metrics", {"accuracy": "maximize", name: "minimize"})
        with pytest.raises(
            ValueError, match=rf"copying.*: a metric is called '{name}', which in a"
        ):
            checked(task, data)


def test_every_column_of_a_table_of_trials_is_taken() -> None:
    ledger = Ledger({"accuracy": "maximize"}, constraints=["accuracy>=0.1"])
    ledger.add([0.5], of=candidate(), epochs=[{"accuracy": 0.5, "loss": 1.0, "epoch": 1.0}])
    columns = {name for name in results.frame(ledger.study) if "." not in name}
    assert columns - {"accuracy"} <= TAKEN
    assert {*training.COSTS} <= TAKEN
