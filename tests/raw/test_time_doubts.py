"""Columns of times in which each cell can be read, and the whole may be meant otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optcell_search import tasks
from optcell_search.raw.reading.gaps import Gaps, in_time
from optcell_search.raw.reading.time_doubts import refuse_doubts
from optcell_search.raw.reading.times import moments


def read(cells: list[str]) -> np.ndarray:
    return moments(pd.Series(cells, dtype=object), "a.csv: column 't'")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (
            ["59:40", "59:50", "1:00:00"],
            "row 3 holds '1:00:00', and row 1 '59:40': one has seconds, the other none; valid: all",
        ),
        (["9:00:00", "9:00:01", "9:01"], "row 3 holds '9:01', and row 1 .* has seconds"),
        (["11:00 AM", "12:30 PM", "1:30"], "row 3 holds '1:30', and row 1 '11:00 AM': one has am"),
        (["2024-01-31 11:00 AM", "2024-01-31 12:30"], "row 2 holds .*: one has am or pm"),
        (["1/31/2024 11:00", "1/31/2024", "1/31/2024 1:30 PM"], "row 3 holds .*: one has am or pm"),
        (["31 Jan 2024 11:00 AM", "31 Jan 2024 1:30"], "row 2 holds .*: one has am or pm"),
    ],
)
def test_all_times_of_day_have_the_same_parts(cells: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^a.csv: column 't': {complaint}"):
        read(cells)


@pytest.mark.parametrize("day", ["", "2024-01-31 ", "1/31/2024 "])
def test_a_clock_of_12_hours_does_not_go_past_noon(day: str) -> None:
    def check(*hours: int) -> None:
        cells = [f"{day}{hour}:00" for hour in hours]
        rows = np.argsort(read(cells), kind="stable")
        refuse_doubts(read(cells), [rows], pd.Series(cells, dtype=object), "a.csv")

    with pytest.raises(ValueError, match=r"12:00' in row 3 is followed by .*1:00' in row 4, .* pm"):
        check(10, 11, 12, 1, 2)
    for valid in ((10, 11, 12, 13, 14), (1, 2, 11, 12), (12, 11, 2, 1), (10, 12, 1, 11, 2)):
        check(*valid)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("gaps", ["refuse", "forward"])
def test_dates_that_are_written_as_numbers_make_no_rows_up(gaps: Gaps, typed: bool) -> None:
    def ordered(whole: list[int]) -> int:
        frame = pd.DataFrame({"t": whole if typed else [*map(str, whole)]})
        return len(in_time(frame, "t", "auto", gaps, 0.0, "a.csv")[0])

    for freq, form in (
        ("MS", "%Y%m"),
        ("D", "%Y%m%d"),
        ("W", "%Y%m%d"),
        ("MS", "%Y%m%d"),
        ("h", "%Y%m%d%H"),
        ("15min", "%Y%m%d%H%M"),
        ("10s", "%Y%m%d%H%M%S"),
    ):
        dates = pd.date_range("2000-01-01", periods=240, freq=freq).strftime(form).astype(int)
        with pytest.raises(ValueError, match=r"row 1 may be year, month and day, or a number; val"):
            ordered(dates.tolist())
    for numbers in (
        range(100_001, 100_100),
        range(202_401, 202_413),
        range(0, 900, 3),
        range(1_706_659_200, 1_706_669_200, 60),
        range(20_240_131_000_000, 20_240_131_000_060),
    ):
        assert ordered([*numbers]) == len(numbers)
    if gaps == "forward":
        assert ordered([*range(202_401, 202_406), *range(202_408, 202_412)]) == 11


@pytest.mark.parametrize("typed", [False, True])
def test_a_day_and_its_month_are_no_numbers(typed: bool) -> None:
    def check(*cells: str) -> None:
        column = pd.Series([*map(float, cells)] if typed else [*cells])
        found = moments(column, "a.csv: column 't'")
        refuse_doubts(found, [np.argsort(found, kind="stable")], column, "a.csv")

    with pytest.raises(
        ValueError, match=r"29\.2'? in row 2 is followed by '?1\.3'? in row 3, .*month"
    ):
        check("28.2", "29.2", "1.3", "2.3")
    # In order as numbers, in order as neither, and beside what is no date.
    for valid in (("1.1", "1.2", "2.1"), ("29.2", "1.3", "2.2"), ("29.2", "1.3", "2.13")):
        check(*valid)


def test_empty_cells_are_not_filled_along_dates_that_are_numbers(tmp_path: Path) -> None:
    dates = pd.date_range("2024-01-01", periods=60).strftime("%Y%m%d")

    def read(times: Iterable[object]) -> None:
        rows = pd.DataFrame({"id": np.repeat(range(20), 3), "t": [*times], "x": 0.5})
        rows["y"] = np.where(rows["id"] % 2, "a", "b")
        rows.loc[rows.index % 3 == 1, "x"] = np.nan
        rows.to_csv(tmp_path / "a.csv", index=False)
        tasks.load(f"{tmp_path}/a.csv:sequence=id,target=y,time=t,missing=interpolate")

    with pytest.raises(ValueError, match=r"20240101 in row 1 may be year, month and day, or a num"):
        read(dates)
    read(range(20_240_101, 20_240_161))
