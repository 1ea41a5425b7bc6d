"""What never changes, of whatever kind of file: a target is refused, a scaled feature is 0."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optcell_search import raw, tasks
from optcell_search.tasks import LoadedTask


@pytest.mark.parametrize("per", ["sequence", "step"])
def test_of_a_table(tmp_path: Path, per: str) -> None:
    steps = np.arange(200)
    frame = pd.DataFrame({"id": steps // 5, "a": steps % 7, "level": 20.5, "load": steps * 0.3})
    if per == "sequence":
        frame["load"] = frame["id"] * 0.3
    frame.to_csv(tmp_path / "a.csv", index=False)
    said = r"a\.csv: .*target 'level' is 20\.5 in all of the training part, so there is nothing"
    for target in ("level", '"load,level"'):
        with pytest.raises(ValueError, match=said):
            tasks.load(f"{tmp_path}/a.csv:sequence=id,target={target},per={per},kind=regression")


@pytest.mark.parametrize(
    ("y", "options", "said"),
    [
        (np.full(60, 2.5), "", "target 'y' is 2.5 in all of the training part"),
        (np.full((60, 4), 3), "", "y has one class only, 3"),
        (np.ones((60, 2)), ":kind=multilabel,per=sequence", "every target of the .* is 1, 1, so"),
        # One class in the file's own training part, both in the other.
        (np.zeros((60, 4), int), "own", "every target of the training split is '0', so"),
    ],
)
def test_of_arrays(tmp_path: Path, y: Any, options: str, said: str) -> None:
    x = np.random.RandomState(0).randn(60, 4, 1)
    own = {"x_validation": x, "y_validation": np.arange(240).reshape(60, 4) % 2}
    np.savez(tmp_path / "a.npz", x=x, y=y, **(own if options == "own" else {}))
    with pytest.raises(ValueError, match=said):
        tasks.load(f"{tmp_path / 'a.npz'}{options.removeprefix('own')}")


def test_of_a_forecast(tmp_path: Path) -> None:
    pd.DataFrame({"load": np.full(300, 7.25)}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="column 'load' repeats itself every 1 rows"):
        tasks.load(f"forecast:file={tmp_path}/a.csv,target=load,window=24")


# Of these numbers no mean of many is the number itself: rounding leaves a deviation above 0.
_CONSTANT = (0.1, 37.3, 1e6 + 0.1)


@pytest.mark.parametrize("known", [False, True])
def test_a_constant_column_is_0_whatever_it_is_later(tmp_path: Path, known: bool) -> None:
    steps = np.arange(1000)
    frame = pd.DataFrame({"a": np.sin(steps), **{f"c{i}": v for i, v in enumerate(_CONSTANT)}})
    frame.to_csv(tmp_path / "a.csv", index=False)
    named = ',known="c0,c1,c2"' if known else ""
    with pytest.warns(UserWarning, match=r"a\.csv: what never changes in .*: c0, c1, c2$"):
        task = tasks.load(f"forecast:file={tmp_path}/a.csv,target=a,window=8{named}")
    assert not task.train.inputs[..., 1:].any()
    later = frame.head(20).assign(c0=0.11, c1=-5.0, c2=1e9)
    inputs = _through_json(task).inputs(later).values
    assert inputs[..., 0].any()
    assert not inputs[..., 1:].any()


def test_a_constant_column_of_a_table_is_0_and_penalties_see_it_as_it_is(tmp_path: Path) -> None:
    steps = np.arange(300)
    frame = pd.DataFrame({"id": steps // 4, "a": steps % 2 * 2.0 - 1, "c": 0.0})
    frame["y"] = frame["id"] * 0.3
    spec = f"{tmp_path}/a.csv:sequence=id,target=y,per=sequence,scale=none"
    frame.to_csv(tmp_path / "a.csv", index=False)
    apart = tasks.load(spec).task.raw(tmp_path, "validation")["id"].astype(int)
    frame["c"] = np.where(frame["id"].isin(apart), 4.0, 0.0)
    frame["k"] = np.where(steps % 2, "u", "v")
    frame.to_csv(tmp_path / "a.csv", index=False)
    for exclude in ("", ",exclude=k"):
        with pytest.warns(UserWarning, match="new rows too: c$"):
            task = tasks.load(spec.replace("none", "standard") + exclude)
        assert not task.validation.inputs[..., 1].any()
    assert (task.validation.drivers["c"] == 4.0).all()


def test_a_constant_feature_of_arrays_is_0_whatever_it_is_later(tmp_path: Path) -> None:
    x = np.random.RandomState(0).randn(60, 9, 4)
    x[..., 1:] = _CONSTANT
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(60) % 2)
    with pytest.warns(UserWarning, match="feature 1 of x, feature 2 of x, feature 3 of x$"):
        task = tasks.load(f"{tmp_path / 'a.npz'}:scale=standard")
    assert not task.train.inputs[..., 1:].any()
    inputs = _through_json(task).inputs(x + 1.0).values
    assert inputs[..., 0].any()
    assert not inputs[..., 1:].any()


def test_a_constant_channel_of_series_is_0_whatever_it_is_later(tmp_path: Path) -> None:
    lines = ["@classLabel true u v", "@data"]
    for number in range(40):
        wave = ",".join(str(math.sin(number + step)) for step in range(9))
        lines.append(f"{wave}:{','.join(['0.1'] * 9)}:{'uv'[number % 2]}")
    (tmp_path / "few").mkdir()
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"few/few_{part}.ts").write_text("\n".join(lines))
    with pytest.warns(UserWarning, match="channel 2$"):
        task = tasks.load("ucr:name=few", tmp_path)
    assert not task.train.inputs[..., 1].any()
    later = raw.Series([np.full((9, 2), 7.0)], [])
    inputs = _through_json(task).inputs(later).values
    assert inputs[..., 0].any()
    assert not inputs[..., 1].any()


def _through_json(task: LoadedTask) -> raw.Preprocessing:
    return raw.from_dict(json.loads(json.dumps(task.preprocessing.to_dict(), allow_nan=False)))


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_a_constant_that_is_not_scaled_is_taken_as_it_is(tmp_path: Path, kind: str) -> None:
    # Rounding gives it a deviation of 1e-17 or so, by which float32 would be far too coarse.
    random, classes = np.random.default_rng(0), ["uv"[number % 2] for number in range(30)]
    value = next(v for v in np.arange(0.1, 90, 0.7) if np.full((270, 1), v).std(0)[0] > 0)
    x = np.concatenate([random.normal(size=(30, 9, 1)), np.full((30, 9, 1), value)], 2)
    path = tmp_path / f"a.{kind}"
    if kind == "npz":
        np.savez(path, x=x, y=np.arange(30) % 2)
        task = tasks.load(str(path))
    else:
        rows = {"s": np.repeat(range(30), 9), "y": np.repeat(classes, 9)}
        pd.DataFrame(rows | {"a": x[..., 0].ravel(), "b": value}).to_csv(path, index=False)
        task = tasks.load(f"{path}:sequence=s,target=y")
    assert (task.train.inputs[..., 1] == np.float32(value)).all()
