"""Steps that a series lacks, where times are extreme."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optcell_search import tasks
from optcell_search.raw.reading.gaps import in_time


def load(folder: Path, times: tuple[str, ...], gaps: str) -> tasks.LoadedTask:
    rows = (
        f"{sequence},{time},{sequence + place},{sequence % 2}"
        for sequence in range(8)
        for place, time in enumerate(times)
    )
    path = folder / "far.csv"
    path.write_text("\n".join(["id,t,a,y", *rows]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return tasks.load(f"{path}:sequence=id,target=y,time=t,gaps={gaps}")


@pytest.mark.parametrize(
    ("times", "steps"),
    [
        (("0", "1", "100000"), "99998 steps"),
        (("0", "4e-101", "2"), "5e+100 steps"),
        (("0", "5e-324", "1"), "1e+300 steps"),
        (("0", "1", "1.7976931348623157e308"), "1e+300 steps"),
    ],
)
def test_more_steps_than_memory_holds_are_not_filled(
    tmp_path: Path, times: tuple[str, ...], steps: str
) -> None:
    with pytest.raises(ValueError, match="would have to be filled; valid: gaps=keep") as refused:
        load(tmp_path, times, "interpolate")
    assert steps in str(refused.value)
    assert load(tmp_path, times, "keep").train.inputs.shape[1] == 3


def test_times_as_far_apart_as_floats_can_be_are_read(tmp_path: Path) -> None:
    for times in (("-1.7e308", "0", "1.7e308"), ("1e300", "2e300", "3e300")):
        assert load(tmp_path, times, "refuse").train.inputs.shape[1] == 3


@pytest.mark.parametrize(
    ("freq", "form"),
    [
        ("MS", "%Y-%m"),
        ("ME", "%Y-%m-%d"),
        ("2MS", "%Y-%m"),
        ("QS", "%Y-%m-%d"),
        ("4ME", "%Y-%m-%d"),
        ("6MS", "%Y-%m"),
        ("6ME", "%Y-%m-%d"),
        ("YS", "%Y"),
        ("YE", "%Y-%m-%d"),
        ("2YE", "%Y-%m-%d"),
        ("3YS", "%Y"),
        ("18MS", "%Y-%m"),
        ("5YS", "%Y-%m-%d"),
        ("10YS", "%Y-%m-%d"),
        ("28D", "%Y-%m-%d"),
    ],
)
def test_months_and_years_that_are_missing_are_counted(freq: str, form: str) -> None:
    whole = pd.Series(pd.date_range("1961-01-01", periods=120, freq=freq).strftime(form))
    for lacking in ([1], [7], [50, 51], [3, 10, 11, 12, 70], [*range(20, 33)], [*range(40, 100)]):
        left = whole.drop(index=lacking).reset_index(drop=True)
        order, _ = in_time(pd.DataFrame({"t": left}), "t", "auto", "forward", 0.0, "a.csv")
        assert np.flatnonzero(order < 0).tolist() == lacking
        assert order[order >= 0].tolist() == list(range(len(left)))


def test_a_day_within_a_month_is_no_whole_number_of_months() -> None:
    months = pd.date_range("1961-01-01", periods=40, freq="MS").strftime("%Y-%m-%d")
    frame = pd.DataFrame({"t": [*months, "1964-09-12"]})
    with pytest.raises(ValueError, match="1964-04-01 in row 40 is no whole number of usual steps"):
        in_time(frame, "t", "auto", "forward", 0.0, "a.csv")


def test_what_cannot_be_filled_is_not_recommended_to_be() -> None:
    def valid(*days: int) -> str:
        times = pd.DataFrame({"t": [f"2024-01-{day:02d}" for day in days]})
        with pytest.raises(ValueError, match="distances are not the usual one") as told:
            in_time(times, "t", "auto", "refuse", 0.0, "a.csv")
        return str(told.value).partition("; valid: ")[2]

    assert valid(1, 3, 5, 9) == (
        "gaps=forward fills such steps, gaps=keep takes the rows as they are"
    )
    assert valid(1, 3, 5, 8) == "gaps=keep takes the rows as they are"


@pytest.mark.parametrize("rows", [2, 3, 20, 1000])
def test_milliseconds_in_place_of_seconds_are_not_filled(rows: int) -> None:
    frame = pd.DataFrame({"t": 1000 * np.arange(rows)})
    with pytest.raises(ValueError, match="steps would have to be filled; valid: gaps=keep"):
        in_time(frame, "t", "auto", "forward", 1.0, "a.csv")
