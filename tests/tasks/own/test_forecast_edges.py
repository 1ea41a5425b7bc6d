"""Rows and values that are missing anywhere, at the edges of the parts, too: nothing shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from optcell_search.raw import WindowPreprocessing
from optcell_search.tasks import LoadedTask
from optcell_search.tasks import load as load_task

ROWS, WINDOW, HORIZON, SEASON = 200, 12, 4, 7
EDGES = (140, 160, ROWS)  # where training, validation and test end


def series(folder: Path, lacking: set[int], empty: set[int], known: bool) -> pd.DataFrame:
    """Write an hourly series and return all its rows in time, NaN where nothing is known."""
    place = np.arange(ROWS)
    frame = pd.DataFrame(
        {"t": pd.date_range("2024-01-01", periods=ROWS, freq="h"), "v": place + place % 7 / 2}
    )
    frame["p"] = np.sin(place) if known else 0.0
    frame.loc[sorted(empty), "v"] = np.nan
    frame.drop(index=sorted(lacking)).to_csv(folder / "a.csv", index=False)
    frame.loc[sorted(lacking), ["v", "p"]] = np.nan
    return frame


def load(folder: Path, stride: int, known: bool) -> LoadedTask:
    options = f"target=v,time=t,window={WINDOW},horizon={HORIZON},season={SEASON},stride={stride}"
    options += ",known=p" if known else ",exclude=p"
    return load_task(f"forecast:file={folder}/a.csv,{options},gaps=forward,missing=forward")


def steps_back(values: npt.NDArray[Any], starts: npt.NDArray[np.int64], count: int) -> Any:
    return torch.tensor(np.stack([values[start : start + count] for start in starts]))


near_an_edge = st.sampled_from(EDGES).flatmap(
    lambda edge: st.integers(edge - 2 * WINDOW, min(edge + WINDOW, ROWS - 2))
)
some = st.sets(near_an_edge | st.integers(1, ROWS - 2), max_size=12)
runs = st.tuples(near_an_edge, st.integers(0, 9)).map(
    lambda run: set(range(run[0], min(run[0] + run[1], ROWS - 1)))
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lacking=st.tuples(some, runs).map(lambda two: two[0] | two[1]),
    empty=st.tuples(some, runs).map(lambda two: two[0] | two[1]),
    stride=st.integers(1, 3),
    known=st.booleans(),
)
@example(lacking={128, 129}, empty=set(), stride=1, known=False)
@example(lacking=set(range(126, 134)), empty=set(), stride=1, known=False)
@example(lacking={158, 159}, empty=set(), stride=2, known=False)
@example(lacking=set(), empty={159}, stride=1, known=True)
@example(lacking=set(), empty=set(range(190, 200)), stride=1, known=True)
@example(lacking=set(), empty={127, 128, 129}, stride=1, known=False)
def test_each_part_has_the_windows_of_the_whole_series(
    tmp_path: Path, lacking: set[int], empty: set[int], stride: int, known: bool
) -> None:
    whole = series(tmp_path, lacking, empty, known)
    task = load(tmp_path, stride, known)
    made = task.preprocessing
    assert isinstance(made, WindowPreprocessing)
    every = made.after_each_row().inputs(pd.read_csv(tmp_path / "a.csv")).values
    assert isinstance(every, torch.Tensor)
    values, read = whole["v"].to_numpy(), task.task._read(tmp_path)  # type: ignore[attr-defined]
    for part, split in (
        ("train", task.train), ("validation", task.validation), ("test", task.unseal())
    ):  # fmt: skip
        starts = read.starts(part)
        assert np.array_equal(np.diff(starts), np.full(len(starts) - 1, stride))
        assert len(starts) == len(split.inputs) == len(split.targets)
        expected = steps_back(values, starts, HORIZON)
        torch.testing.assert_close(split.targets, expected, equal_nan=True)
        assert split.last_season is not None
        past = steps_back(values, starts - SEASON, HORIZON)
        torch.testing.assert_close(split.last_season[:, 0], past, equal_nan=True)
        torch.testing.assert_close(split.inputs, every[starts - WINDOW], rtol=0, atol=0)
        # What an exported package is asked to answer, from the raw rows alone.
        raw = task.raw(part)
        inputs = made.inputs(raw)
        assert torch.equal(inputs.values[: len(starts)], split.inputs)
        targets = made.targets(raw, inputs)
        torch.testing.assert_close(targets[: len(starts)], split.targets, equal_nan=True)
        assert targets[len(starts) :].isnan().all()


def test_days_of_business_are_as_many_windows_for_inputs_as_for_targets(tmp_path: Path) -> None:
    for rows in range(360, 390):
        days = pd.bdate_range("2020-01-01", periods=rows)
        frame = pd.DataFrame({"t": days, "v": np.sin(np.arange(rows)) + np.arange(rows)})
        frame.to_csv(tmp_path / "a.csv", index=False)
        task = load_task(
            f"forecast:file={tmp_path}/a.csv,target=v,time=t,window=20,season=7,gaps=forward"
        )
        for split in (task.train, task.validation, task.unseal()):
            assert split.last_season is not None
            assert len(split.inputs) == len(split.targets) == len(split.last_season)


def test_what_is_wrong_with_a_series_is_said_as_it_is(tmp_path: Path) -> None:
    series(tmp_path, set(), {row for row in range(ROWS) if row % 13}, known=False)
    with pytest.raises(ValueError, match=r"no two values in its train part .* season of 7 rows"):
        load(tmp_path, 1, known=False)
    series(tmp_path, set(), set(), known=True)
    spec = f"forecast:file={tmp_path}/a.csv,target=v,time=t"
    with pytest.raises(ValueError, match="no part 'test'; valid: train, validation"):
        load_task(f"{spec},exclude=p,test=none").raw("test")


def test_a_part_without_any_value_is_refused(tmp_path: Path) -> None:
    series(tmp_path, set(), set(range(140, 160)), known=False)
    with pytest.raises(ValueError, match="no step of the validation split has a target"):
        load(tmp_path, 1, known=False)
