"""A table as an OptunaHub problem: asked by a study, and by a dictionary of hyperparameters."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import optuna
import pytest
from tables import made_up

from optcell_search.table import Table

hub = pytest.importorskip("optunahub", reason="optunahub is an optional extra")

from optcell_search.table.optunahub_problem import TableProblem  # noqa: E402


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return made_up(tmp_path_factory.mktemp("tables") / "some.parquet", held=50, diverging=2)


def test_a_study_is_optimized_on_it(table: Table) -> None:
    problem = TableProblem(table)
    assert isinstance(problem, hub.benchmarks.BaseProblem)
    study = optuna.create_study(
        directions=problem.directions, sampler=optuna.samplers.TPESampler(seed=0)
    )
    study.optimize(problem, n_trials=30)
    told = [t for t in study.trials if t.state.name == "COMPLETE"]
    assert len(told) >= 25
    for trial in told:
        # A trial is asked for what its cell and rule have, and for nothing else.
        assert all(
            name.split(".")[0] in (trial.params["rule"], "cell", "rule", "model", "training")
            for name in trial.params
        )
        candidate = table.nearest_to(trial.params)
        each = [table.query(candidate, seed=seed)["accuracy"] for seed in table.seeds]
        assert trial.value == statistics.fmean(each)
        assert problem.evaluate(trial.params) == trial.value
    assert study.best_value == max(t.value for t in told)


def test_its_whole_space_is_told(table: Table) -> None:
    problem = TableProblem(table, ["loss", "parameters"], seed=1)
    directions = [direction.name for direction in problem.directions]
    assert directions == ["MINIMIZE", "MINIMIZE"]
    space = problem.search_space
    assert set(space) == {
        "cell", "rule", "gd.s", "heavy_ball.mu", "heavy_ball.s", "adam.beta",
        "model.hidden_size", "training.lr",
    }  # fmt: skip
    assert space["gd.s"] == optuna.distributions.FloatDistribution(0.25, 1.5, step=0.25)
    assert space["adam.beta"] == optuna.distributions.CategoricalDistribution((0.5, 0.9))
    params = {"cell": "rnn", "rule": "gd", "gd.s": 1.0, "model.hidden_size": 8, "training.lr": 0.01}
    found = problem.evaluate({**params, "heavy_ball.mu": 0.2})
    asked = table.query(table.nearest_to(params), seed=1)
    assert found == [asked["loss"], asked["parameters"]]
    with pytest.raises(ValueError, match=r"gd\.s"):
        problem.evaluate({name: value for name, value in params.items() if name != "gd.s"})


def test_a_value_between_steps_is_refused_where_it_was_enqueued(table: Table) -> None:
    problem = TableProblem(table)
    study = optuna.create_study(directions=problem.directions)
    study.enqueue_trial({"cell": "rnn", "rule": "gd", "gd.s": 0.3})
    with (
        pytest.warns(UserWarning, match="out of range"),
        pytest.raises(ValueError, match=r"gd\.s = 0\.3; valid in table some: {'low': 0\.25"),
    ):
        study.optimize(problem, n_trials=1)


def test_what_diverged_is_no_number(table: Table) -> None:
    problem = TableProblem(table)
    assert math.isnan(problem.evaluate(dict(table.candidates[-1].flat())))
    assert all(map(math.isnan, TableProblem(table, ["loss", "parameters"]).evaluate(
        dict(table.candidates[-1].flat())
    )))  # fmt: skip


def test_unknown_tables_objectives_and_seeds_are_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown table 'digitz'"):
        TableProblem("digitz")
    with pytest.raises(ValueError, match="unknown objective 'speed'; valid: accuracy, loss, param"):
        TableProblem(table, ["speed"])
    with pytest.raises(ValueError, match="seed = 7; valid in table some: 0, 1, 2"):
        TableProblem(table, seed=7)
    assert TableProblem("digits").table.name == "digits"
