"""Columns of times in which each cell can be read, and the whole may be meant otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def written(cells: list[str], form: str) -> pd.Series:
    if form == "text":
        return pd.Series(cells, dtype=object)
    return pd.Series([*map(float, cells)], dtype=form)


def doubt(column: pd.Series, parts: int = 1) -> str:
    """What is said of a column whose sequences are as long as one another."""
    found = moments(column, "a.csv: column 't'")
    rows = np.array_split(np.arange(len(found)), parts)
    try:
        refuse_doubts(found, [part[np.argsort(found[part])] for part in rows], column, "a.csv")
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("form", ["text", "float64", "float32"])
@pytest.mark.parametrize(
    "cells",
    [
        ["28.2", "29.2", "1.3", "2.3"],
        ["27.2", "28.2", "1.3", "2.3"],
        ["30.11", "1.12"],
        ["30.12", "31.12", "1.1", "2.1"],
        ["15.2", "22.2", "1.3", "8.3"],
        ["31.1", "29.2", "31.3", "30.4"],
    ],
)
def test_a_day_and_its_month_are_no_numbers(cells: list[str], form: str) -> None:
    said = doubt(written(cells, form))
    assert re.search(
        r"a\.csv: '?\S+ in row \d is followed by \S+ in row \d, which may be a d", said
    )
    assert doubt(written(cells[::-1], form)), "newest first"
    assert doubt(written(2 * cells, form), parts=2)


@pytest.mark.parametrize("form", ["text", "float64", "float32"])
@pytest.mark.parametrize(
    "cells",
    [
        # Out of order as dates, beside what is no date, and falling by more than a month's end.
        ["29.2", "1.3", "2.2"],
        ["29.2", "1.3", "2.13"],
        ["30.2", "1.3"],
        ["2.5", "1.7"],
        ["3.1", "2.2", "1.3"],
        ["3.1", "1.2", "2.3"],
        ["5.1", "4.2", "3.3"],
    ],
)
def test_numbers_out_of_order_are_sorted(cells: list[str], form: str) -> None:
    assert doubt(written(cells, form)) == ""


def test_numbers_in_order_are_numbers() -> None:
    for cells in (["1.1", "1.2", "2.1"], ["28.2", "29.1", "29.2"]):
        assert doubt(written(cells, "text")) == doubt(written(cells[::-1], "text")) == ""


def test_in_a_column_of_numbers_the_tenth_month_is_written_as_the_first() -> None:
    cells = [f"{day}.9" for day in (28, 29, 30)] + [f"{day}.10" for day in (1, 2, 3)]
    assert doubt(written(cells, "float64"))


@pytest.mark.parametrize("freq", ["D", "MS", "ME", "W", "17D"])
@pytest.mark.parametrize("form", ["%d%m%Y", "%m%d%Y", "%d%m%y", "%y%m%d"])
def test_whole_numbers_that_end_with_their_year_are_not_sorted(form: str, freq: str) -> None:
    dates = pd.date_range("1999-11-28", periods=120, freq=freq).strftime(form)
    for column in (pd.Series(dates.astype(int)), pd.Series(dates.to_numpy(), dtype=object)):
        assert "which may be a date" in doubt(column)
        assert "which may be a date" in doubt(column[::-1].reset_index(drop=True))
    if form.endswith("Y"):
        mixed = pd.Series(dates.astype(int)).sample(frac=1, random_state=1)
        assert "which may be a date" in doubt(mixed.reset_index(drop=True))


@given(st.lists(st.integers(1, 10**9), min_size=3, unique=True))
def test_whole_numbers_are_sorted(numbers: list[int]) -> None:
    # Any three of 9 digits may be dates; with 0 among them none is.
    assert doubt(pd.Series([0, *numbers])) == ""


@pytest.mark.parametrize(
    ("freq", "form"),
    [
        ("D", "%y%m%d"),
        ("D", "%m%d%Y"),
        ("D", "%Y%j"),
        ("D", "%y%j"),
        ("W-MON", "%G%V"),
        ("MS", "%y%m"),
    ],
)
def test_days_weeks_and_months_as_numbers_are_not_filled(freq: str, form: str) -> None:
    # A month before the day, and the order is that of numbers within a year alone.
    begin = "2021-01-04" if form == "%m%d%Y" else "2020-12-07"
    dates = pd.date_range(begin, periods=300, freq=freq)
    for part in (dates[:80], dates):
        numbers = part.strftime(form).astype(int)
        with pytest.raises(ValueError, match=r"row 1 may be year, month and day, or a number; val"):
            in_time(pd.DataFrame({"t": numbers}), "t", "auto", "forward", 0.0, "a.csv")


@pytest.mark.parametrize("parts", [2, 4])
def test_quarters_and_half_years_as_numbers_are_not_filled(parts: int) -> None:
    numbers = [10 * year + part for year in range(2001, 2006) for part in range(1, parts + 1)]
    frame = pd.DataFrame({"t": numbers})
    with pytest.raises(ValueError, match=r"may be year, month and day, or a number"):
        in_time(frame, "t", "auto", "forward", 0.0, "a.csv")


@given(st.integers(1, 10**7), st.integers(1, 10**4), st.sets(st.integers(0, 40), min_size=3))
def test_a_grid_with_gaps_is_filled(start: int, step: int, places: set[int]) -> None:
    there = [*range(50), *(50 + place for place in sorted(places))]
    # Numbers that are no dates of any kind: they end with 00.
    frame = pd.DataFrame({"t": [100 * (start + step * place) for place in there]})
    order, _ = in_time(frame, "t", "auto", "forward", 0.0, "a.csv")
    assert len(order) == there[-1] + 1


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
