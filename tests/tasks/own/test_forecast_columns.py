"""Forecasts of several columns, of quantiles, and what makes their series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from forecasts import ROWS, load, table, write

from optcell_search import tasks


def test_quantiles_are_forecast_side_by_side(tmp_path: Path) -> None:
    task, plugin = load(tmp_path, ",horizon=3,quantiles=0.1;0.5;0.9")
    assert task.output_size == 9
    assert set(task.chance) == set(task.metrics)
    assert "quantile_loss" in task.metrics
    assert plugin.spec.endswith("quantiles=0.1;0.5;0.9")
    for levels in ("0.5;0.1", "0", "x", "0.5;0.5"):
        with pytest.raises(ValueError, match="ascending numbers between 0 and 1"):
            load(tmp_path, f",quantiles={levels}")


def several(folder: Path, options: str = "") -> tasks.LoadedTask:
    path = write(folder, table())
    columns = 'target="load,heat",time=t,season=5,window=24,horizon=3'
    return tasks.load(f"forecast:file={path},{columns}{options}")


def test_several_columns_are_forecast_each_in_its_own_unit(tmp_path: Path) -> None:
    task = several(tmp_path)
    assert (task.input_size, task.output_size) == (2, 6)
    load, heat = (table()[name] for name in ("load", "heat"))
    for split, first in ((task.train, 24), (task.validation, 280), (task.unseal(), 320)):
        expected = np.concatenate((load[first : first + 3], heat[first : first + 3]))
        np.testing.assert_allclose(split.targets[0], expected, rtol=1e-12)
    names = ("load+1", "load+2", "load+3", "heat+1", "heat+2", "heat+3")
    assert task.preprocessing.outputs.names == names
    # The output 0 stands for the mean of a column in training.
    outputs = torch.zeros(len(task.validation), 6)
    answers = task.preprocessing.answers(outputs, task.preprocessing.inputs(task.raw("validation")))
    np.testing.assert_allclose(answers["load+2"], load[:280].mean())
    np.testing.assert_allclose(answers["heat+3"], heat[:280].mean())


def test_several_columns_are_judged_as_each_is_by_itself(tmp_path: Path) -> None:
    task = several(tmp_path)
    outputs = torch.randn(len(task.validation), 6)
    found = task.score(outputs, task.validation.targets, {})
    single, losses = [], []
    for place, name in enumerate(("load", "heat")):
        own = tasks.load(
            f"forecast:file={tmp_path / 'a.csv'},target={name},time=t,season=5,window=24,horizon=3"
        )
        part = outputs[:, 3 * place : 3 * place + 3]
        single.append(own.score(part, own.validation.targets, {}))
        losses.append(float(own.loss(part, own.validation.targets)))
    for metric in ("mase", "mae", "r2", "loss"):
        assert found[metric] == pytest.approx(np.mean([one[metric] for one in single])), metric
    assert float(task.loss(outputs, task.validation.targets)) == pytest.approx(np.mean(losses))
    naive = task.task.seasonal_naive(tmp_path, "validation")
    assert naive["mase"] == pytest.approx(task.chance["mase"])
    assert task.diagnose(task.tally(outputs, task.validation.targets, {}))["names"] == [
        f"{name}+{ahead}" for name in ("load", "heat") for ahead in (1, 2, 3)
    ]


def test_quantiles_of_several_columns_stand_side_by_side(tmp_path: Path) -> None:
    task = several(tmp_path, ",quantiles=0.1;0.5")
    assert task.output_size == 12
    assert task.preprocessing.outputs.names[:3] == ("load+1 q0.1", "load+1 q0.5", "load+2 q0.1")
    targets = task.validation.targets
    # What is forecast exactly costs nothing, whichever the quantile.
    goal = task.goal
    offset = torch.tensor(goal.offset, dtype=torch.float64).repeat_interleave(3)
    scale = torch.tensor(goal.scale, dtype=torch.float64).repeat_interleave(3)
    exact = ((targets - offset) / scale).repeat_interleave(2, 1)
    scores = task.score(exact, targets, {})
    assert scores["quantile_loss"] == pytest.approx(0, abs=1e-9)
    assert scores["mase"] == pytest.approx(0, abs=1e-9)
    load_up = exact + torch.tensor([1.0] * 6 + [0.0] * 6).double()
    # A forecast that is too high by e costs (1 - q) e.
    expected = goal.scale[0] * (0.9 + 0.5) / 2 / 2
    assert task.score(load_up, targets, {})["quantile_loss"] == pytest.approx(expected)


def test_what_is_wrong_with_one_of_several_columns_names_it(tmp_path: Path) -> None:
    path = write(tmp_path, {**table(), "flat": np.zeros(ROWS)})
    begin = f"forecast:file={path},time=t,window=24,target="
    with pytest.raises(ValueError, match=r"column 'flat' repeats itself every 1 rows"):
        tasks.load(begin + '"load,flat"')
    with pytest.raises(ValueError, match="no column 'cold' for target"):
        tasks.load(begin + '"load,cold"')
    with pytest.raises(ValueError, match="target and time are both 't'"):
        tasks.load(begin + '"load,t"')
    with pytest.raises(ValueError, match="names a column twice"):
        tasks.load(begin + '"load,load"')
    with pytest.raises(ValueError, match="known names the target"):
        tasks.load(begin + '"load,heat",known=heat')


def test_a_name_with_a_comma_is_one_column(tmp_path: Path) -> None:
    pd.DataFrame({"t": range(ROWS), "a,b": table()["load"]}).to_csv(tmp_path / "a.csv", index=False)
    task = tasks.load(f'forecast:file={tmp_path / "a.csv"},time=t,window=24,target="a,b"')
    assert task.preprocessing.outputs.names == ("a,b+1",)


def test_columns_that_are_not_asked_for_decide_no_sign_and_targets_do(tmp_path: Path) -> None:
    """A target is one though it is left out of the features."""
    frame = pd.DataFrame(table()).assign(version="2.1")
    frame.to_csv(tmp_path / "a.csv", sep=";", decimal=",", index=False)
    said = f"forecast:file={tmp_path / 'a.csv'},target=load,time=t,season=5,window=24,horizon=3"
    for options in ("columns=heat", 'exclude="load,version"', "columns=load"):
        task = tasks.load(f"{said},{options}")
        assert task.preprocessing.read(tmp_path / "a.csv")["load"].astype(float).notna().all()
        np.testing.assert_allclose(task.train.targets[0], frame["load"][24:27], rtol=1e-12)
