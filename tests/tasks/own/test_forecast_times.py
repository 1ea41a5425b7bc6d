"""The times of a series to forecast: their order, gaps, and what lies ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from forecasts import ROWS, load, table

from optcell_search.raw.reading.gaps import most_frequent
from optcell_search.tasks import load as load_task


def test_rows_are_put_in_order_of_time(tmp_path: Path) -> None:
    ordered, _ = load(tmp_path)
    columns = {name: values[::-1] for name, values in table().items()}
    assert load(tmp_path, columns=columns)[0].fingerprint == ordered.fingerprint


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M+02:00"])
def test_dates_are_put_in_order_of_time(tmp_path: Path, form: str) -> None:
    ordered, _ = load(tmp_path)
    days = pd.date_range("2019-12-01", periods=ROWS).strftime(form).to_numpy()
    shuffled = np.random.default_rng(1).permutation(ROWS)
    columns = {name: values[shuffled] for name, values in {**table(), "t": days}.items()}
    assert load(tmp_path, columns=columns)[0].fingerprint == ordered.fingerprint


def hourly(rows: int = 400, **columns: np.ndarray) -> dict[str, np.ndarray]:
    hours = pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M")
    return {**{name: values[:rows] for name, values in table().items()}, "t": hours, **columns}


def without(columns: dict[str, np.ndarray], *rows: int) -> dict[str, np.ndarray]:
    return {name: np.delete(np.asarray(values), rows) for name, values in columns.items()}


def test_hours_that_are_missing_are_found_and_not_counted_over(tmp_path: Path) -> None:
    gappy = without(hourly(), 100, 101, 300)
    with pytest.raises(
        ValueError, match=r"2020-01-05 03:00 in row 100 is followed by 2020-01-05 06:00: 2 dist"
    ):
        load(tmp_path, "", gappy)
    filled, _ = load(tmp_path, ",gaps=forward", gappy)
    whole, _ = load(tmp_path, "", hourly())
    assert filled.train.inputs.shape == whole.train.inputs.shape
    # A value that nobody measured is seen, but not forecast.
    assert filled.train.targets.isnan().sum() == 2
    row = 100 - 24 + 1  # the window that ends with the first missing hour
    assert torch.equal(filled.train.inputs[row, -1], filled.train.inputs[row, -2])
    kept, _ = load(tmp_path, ",gaps=keep", gappy)
    assert len(kept.train) < len(whole.train)


def test_months_are_regular_and_a_missing_one_is_a_gap(tmp_path: Path) -> None:
    months = pd.date_range("1980-01-01", periods=ROWS, freq="MS").strftime("%Y-%m")
    assert len(load(tmp_path, "", {**table(), "t": months.to_numpy()})[0].train)
    gappy = without({**table(), "t": months.to_numpy()}, 50)
    with pytest.raises(ValueError, match="1984-02 in row 50 is followed by 1984-04"):
        load(tmp_path, "", gappy)


def test_months_are_regular_to_the_nanosecond_too(tmp_path: Path) -> None:
    months = pd.Series(pd.date_range("1980-01-01", periods=ROWS, freq="MS"))
    frame = pd.DataFrame({**table(), "t": months + pd.Timedelta(nanoseconds=7)})
    frame.to_parquet(tmp_path / "a.parquet")
    made = load_task(f"forecast:file={tmp_path}/a.parquet,target=load,time=t").preprocessing
    assert made.inputs(frame.assign(t=months)).values.shape == made.inputs(frame).values.shape


def test_times_of_day_that_go_past_midnight_are_refused(tmp_path: Path) -> None:
    minutes = (np.arange(ROWS) + 22 * 60) % 1440
    clock = np.array([f"{minute // 60}:{minute % 60:02d}" for minute in minutes])
    with pytest.raises(ValueError, match=r"'23:59' in row 120 is followed by '0:00' in row 121, "):
        load(tmp_path, "", {**table(), "t": clock})


@pytest.mark.parametrize("form", ["%H:%M", "%Y-%m-%d %H:%M", ""])
def test_no_rows_are_too_few(tmp_path: Path, form: str) -> None:
    minutes = pd.Series(pd.date_range("2020-01-01", periods=ROWS, freq="min"))
    times = minutes.dt.strftime(form) if form else 0.1 * np.arange(ROWS)
    made = load(tmp_path, "", {**table(), "t": times})[0].preprocessing
    with pytest.raises(ValueError, match="0 rows are too few"):
        made.inputs(pd.DataFrame({**table(), "t": times}).head(0))


def test_nothing_looks_ahead(tmp_path: Path) -> None:
    for option in ("missing=interpolate", "gaps=interpolate"):
        with pytest.raises(ValueError, match=r"looks ahead|valid: 'refuse', 'forward'"):
            load(tmp_path, f",{option}", hourly())
    holes = hourly()
    holes["heat"] = holes["heat"].astype(object)
    holes["heat"][200] = ""
    task, _ = load(tmp_path, ",missing=forward", holes)
    split = task.train
    start = 201 - 24
    assert split.inputs[start, -1, 1] == split.inputs[start, -2, 1]


@pytest.mark.parametrize(("first", "step"), [(0.0, 0.1), (1.7e9, 0.1), (-3e5, 1e-3)])
@pytest.mark.parametrize("typed", [False, True])
def test_times_in_decimals_are_regular(
    tmp_path: Path, first: float, step: float, typed: bool
) -> None:
    columns = {**table(), "t": np.round(first + step * np.arange(ROWS), 4)}
    frame = pd.DataFrame(columns)
    path = tmp_path / ("a.parquet" if typed else "a.csv")
    frame.to_parquet(path) if typed else frame.to_csv(path, index=False)
    spec = f"forecast:file={path},target=load,time=t,window=24"
    whole = load_task(spec)
    frame = frame.drop(index=[50, 51])
    frame.to_parquet(path) if typed else frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match="1 distances are not the usual one"):
        load_task(spec)
    assert load_task(f"{spec},gaps=forward").train.inputs.shape == whole.train.inputs.shape


def test_distances_that_are_the_same_but_for_rounding_count_together() -> None:
    moments = np.concatenate((0.1 * np.arange(9), 5.0 + np.arange(7)))
    assert most_frequent(np.diff(moments)) == pytest.approx(0.1)
