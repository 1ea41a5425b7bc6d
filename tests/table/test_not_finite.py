"""Numbers of a table that are not finite: a simulated search does with them what a worker does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tables import made_up

from optcell_search import results
from optcell_search.ledger.format import epochs_in
from optcell_search.table import Table
from optcell_search.tuning import RunFailedError


def ends(row: dict[str, Any]) -> None:
    """Have the accuracy of every other candidate be none after its second epoch alone."""
    if int(row["key"], 16) % 2:
        row["validation"]["accuracy"][1] = math.nan


def ends_at_different_epochs(row: dict[str, Any]) -> None:
    """Have the accuracy of every candidate be none after one of its epochs."""
    row["validation"]["accuracy"][int(row["key"], 16) % 9] = math.nan


def undefined(row: dict[str, Any]) -> None:
    """Have the loss of every candidate be none, and its gradients reach as far as its seed says."""
    row["validation"]["loss"] = [math.nan] * len(row["validation"]["loss"])
    row["gradients"] = {str(distance): 1.0 for distance in range(row["seed"] + 1)}


@pytest.fixture
def table(tmp_path: Path, request: pytest.FixtureRequest) -> Table:
    return made_up(tmp_path / "some.parquet", held=16, change=request.param)


@pytest.mark.parametrize("table", [ends], indirect=True)
@pytest.mark.parametrize("repeats", [1, 2])
def test_an_objective_that_is_not_finite_ends_a_trial(table: Table, repeats: int) -> None:
    run = table.simulate(scheduler="none", trials=16, repeats=repeats)
    trials = results.load(run.directory).get_trials(deepcopy=False)
    failed = [trial for trial in trials if int(trial.user_attrs["key"], 16) % 2]
    assert 0 < len(failed) < 16
    for trial in trials:
        known = trial.user_attrs
        if trial in failed:
            assert (trial.state.name, known["reason"]) == ("FAIL", "diverged")
            assert known["detail"] == "accuracy is nan after epoch 2"
            assert list(epochs_in(known)) == [1]
        else:
            assert trial.state.name == "COMPLETE"


@pytest.mark.parametrize("table", [ends_at_different_epochs], indirect=True)
def test_without_a_complete_trial_the_search_fails(table: Table, tmp_path: Path) -> None:
    # In different ways, so that it is not given up after the first ones.
    said = "no candidate could be trained: .*diverged"
    with pytest.raises(RunFailedError, match=said):
        table.simulate(scheduler="none", trials=5, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("table", [undefined], indirect=True)
def test_what_is_no_number_has_no_spread(table: Table) -> None:
    run = table.simulate(scheduler="none", trials=4, repeats=2)
    for trial in results.load(run.directory).get_trials(deepcopy=False):
        assert trial.state.name == "COMPLETE"
        assert "accuracy" in trial.user_attrs["spread"]
        assert "loss" not in trial.user_attrs["spread"]
        assert set(trial.user_attrs["gradients"]) <= {"0", "1"}
