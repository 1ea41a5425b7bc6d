"""Forecasts relative to the last value, from a table to an exported package."""

from __future__ import annotations

import importlib
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from forecasts import load, table

from optcell_search.cells.model import Ensemble
from optcell_search.export import export
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate, SearchSpace, SpaceError, check_fit
from optcell_search.tasks import LoadedTask
from optcell_search.tasks import load as load_task
from optcell_search.testing.side_by_side import largest_gap
from optcell_search.training import Training

FIXED: dict[str, Any] = {"cells": ["gru"], "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}


def relative(rule: str = "gd", **model: Any) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": rule},
            "model": {"hidden_size": 5, "relative_to": "last", **model},
            "training": {"batch_size": 16, "optimizer": "adam"},
        }
    )


def silent(task: LoadedTask) -> torch.nn.Module:
    """Return a model whose read-out says nothing."""
    model = relative().build(task).eval()
    torch.nn.init.zeros_(model.readout.weight)
    torch.nn.init.zeros_(model.readout.bias)
    return model


@pytest.mark.parametrize("missing", [0, 40])
def test_a_network_that_says_nothing_forecasts_the_last_value(tmp_path: Path, missing: int) -> None:
    """Also where the mean and the scale of inputs are those of filled cells, not of targets."""
    series = table() | {"heat": 3.0 * table()["heat"] - 7.0}
    first = series["load"][:280].astype(object)
    # Low values are missing where they follow high ones, so that filling them moves the mean.
    first[np.argsort(series["load"][:280])[:missing]] = ""
    series["load"] = np.concatenate((first, series["load"][280:].astype(object)))
    path = tmp_path / "b.csv"
    lines = [",".join(map(str, row)) for row in zip(*series.values(), strict=True)]
    path.write_text("\n".join(["t,load,heat", *lines]))
    spec = f'forecast:file={path},target="load,heat",time=t,window=24,horizon=2,quantiles=0.1;0.5'
    task = load_task(f"{spec},missing=forward")
    known = task.goal.predictions(silent(task)(task.validation.inputs).double())
    rows = slice(279, 279 + len(task.validation))
    last = np.stack([table()["load"][rows], series["heat"].astype(float)[rows]])
    # A window's forecasts: of load two values with two quantiles each, then of heat.
    expected = np.repeat(last.T, 4, axis=1)
    np.testing.assert_allclose(known.detach().numpy(), expected, rtol=2e-6, atol=2e-5)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("missing", ["mean", "mask", "forward"])
def test_a_last_value_that_is_not_there_is_told_of(
    tmp_path: Path, missing: str, members: int
) -> None:
    task, _ = load(tmp_path, f",missing={missing}")
    rows = pd.read_csv(tmp_path / "a.csv").tail(40).reset_index(drop=True)
    rows.loc[37:, "load"] = None
    model = silent(task) if members == 1 else Ensemble([silent(task)] * members, "outputs")
    said = r"the data given: 3 forecasts, the first at 397, are relative to an empty last value"
    told = [said] if missing != "forward" else []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = Predictor(model, task.preprocessing).predict(rows)
    assert len(caught) == len(told)
    assert all(re.match(said, str(each.message)) for each in caught)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stream = Predictor(model, task.preprocessing).stream()
        fed = pd.concat([stream.feed(rows[:38]), stream.feed(rows[38:])])
    pd.testing.assert_frame_equal(fed.reset_index(drop=True), found.reset_index(drop=True))
    assert [str(each.message)[:28] for each in caught] == (
        ["the data given: 1 forecasts,", "the data given: 2 forecasts,"] if told else []
    )


def test_so_it_is_where_no_value_stands_before_it(tmp_path: Path) -> None:
    task, _ = load(tmp_path, ",missing=forward")
    rows = pd.read_csv(tmp_path / "a.csv").tail(40).reset_index(drop=True)
    rows.loc[:26, "load"] = None
    # What is empty behind a value is that value.
    rows.loc[30:, "load"] = None
    predictor = Predictor(silent(task), task.preprocessing)
    said = r"^the data given: 4 forecasts, the first at 383, are relative to an empty last value"
    with pytest.warns(UserWarning, match=said) as caught:
        predictor.predict(rows)
    assert len(caught) == 1
    stream = predictor.stream()
    with pytest.warns(UserWarning, match=said):
        stream.feed(rows[:27])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream.feed(rows[27:])


def test_side_by_side_candidates_compute_what_each_does_alone(tmp_path: Path) -> None:
    task, _ = load(tmp_path, ",horizon=2")
    rules = ("gd", "heavy_ball", "adam")
    candidates = [relative(rule, front="parallel", front_width=4) for rule in rules]
    assert largest_gap(candidates, [task] * 3, epochs=2)[0] < 1e-4


def test_a_rising_series_is_followed_to_where_it_never_was(tmp_path: Path) -> None:
    columns = table() | {"load": np.arange(400) + 3 * np.sin(np.arange(400) / 2)}
    task, _ = load(tmp_path, "", columns)
    errors = {}
    for to in ("none", "last"):
        training = Training(relative(relative_to=to), task, seed=0, epochs=20)
        errors[to] = [training.epoch() for _ in range(20)][-1]["mase"]
    assert errors["last"] < errors["none"] / 4


def test_an_exported_package_has_it_and_says_why_it_cannot_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, _ = load(tmp_path)
    candidate = relative()
    training = Training(candidate, task, seed=0, epochs=1)
    scores = training.epoch()
    validation = {name: scores[name] for name in task.metrics}
    weights, target = training.model.state_dict(), tmp_path / "rising"
    export(candidate, weights, task, {"validation": validation}, target)
    config = json.loads((target / "config.json").read_text())
    assert {each["reason"] for each in config["files"].values()} == {
        "values are relative to the last one of a window, so there is no single step"
    }
    monkeypatch.syspath_prepend(target)
    package = importlib.import_module("rising_cell")
    try:
        found = package.load()(task.validation.inputs)
        torch.testing.assert_close(found, training.model.eval()(task.validation.inputs))
        # Of other data nobody knows which series go on.
        assert package.load(weights=False, output_size=4).streams
    finally:
        for name in [name for name in sys.modules if name.startswith("rising_cell")]:
            del sys.modules[name]


def test_only_spaces_of_forecasts_may_ask_for_it(tmp_path: Path) -> None:
    task, _ = load(tmp_path)
    for choices in ("last", {"choices": ["none", "last"]}):
        space = SearchSpace(**FIXED, model={"relative_to": choices})
        check_fit(space, task)
        with pytest.raises(SpaceError, match=r"model\.relative_to: the task does not forecast a"):
            check_fit(space, load_task("digits"))
    assert load_task("digits").anchors == ()
