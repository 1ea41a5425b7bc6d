"""Times in the ways in which people write them, and what nobody can understand in one way only."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.raw.reading.time_doubts import refuse_doubts
from optcell_search.raw.reading.times import apart, moments, settled


def read(cells: list[object], day_first: str = "auto") -> np.ndarray:
    return moments(pd.Series(cells, dtype=object), "a.csv: column 't'", day_first)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cells",
    [
        ["9:00:00", "10:00:00", "23:59:59.5"],
        ["9:00", "10:00", "100:30"],
        ["9:00 AM", "12:30 PM", "1:00 p.m."],
        ["2020-01-31", "2020-02-01", "9999-12-31"],
        ["2020-01-31 09", "2020-01-31 10"],
        ["2020-01-31T09:00", "2020-01-31T10:00"],
        ["2020-01-31T09:00:00.000000001", "2020-01-31T09:00:00.000000002"],
        ["2020-01-31 23:59", "2020-01-31 24:00", "2020-02-01 00:01"],
        ["2020-01-31T23:59:59Z", "2020-01-31T24:00:00Z", "2020-02-01T00:00:01Z"],
        ["2020-01-31T090000,5", "2020-01-31T090000.75", "2020-01-31T09:00:01,25"],
        ["2020-06-01T12:00+02:00", "2020-06-01T11:00Z", "2020-06-01 11:30 UTC"],
        ["9/1/2020", "10/1/2020", "13/1/2020"],
        ["1/9/2020", "1/10/2020", "1/13/2020 9:00"],
        ["9.12.2020", "31.12.2020 23:00"],
        ["2020/1/9", "2020/1/10", "2020/2/1 10:00"],
        ["2020-01-31 9:00", "2020-01-31 10:00", "2020-01-31 11:00:00.5"],
        ["2020-1-9", "2020-1-10 9:00", "2020-1-10 10:00"],
        ["2020-01-31 9:00 AM", "2020-01-31 12:30 PM", "2020-02-01 1:00 a.m."],
        ["1/13/2020", "1/13/2020 9:00 AM", "1/13/2020 1:00 PM"],
        ["2020/1/9 9:00+01:00", "2020/1/9 9:00Z"],
        ["9 Jan 2020", "10 Jan 2020 10:00"],
        ["Jan 9, 2020", "February 1, 2020"],
        ["2020-01", "2020-02"],
        ["9", "10", "1e3"],
        ["9", "10", str(2**63 - 1)],
        ["-3", "+2", "10"],
        ["0.1", "0.2", "0.3", "12.50"],
        ["9.5", "10.05", "10.11", "11.01"],
        ["1.1950", "1.2000", "1.2050", "2.1900", "2.2100"],
        ["1958.20", "1958.29", "1959.04", "1959.12"],
        ["2024.01", "2024.09", "2024.10", "2025.01"],
        ["2024.1", "2024.11", "2024.12", "2024.13"],
        ["10.2024", "11.2024", "12.2024"],
        ["01.03", "02.03", "10.03"],
        ["11.202400", "12.202400"],
        [datetime.date(2020, 1, 9), datetime.date(2020, 1, 10)],
    ],
)
def test_times_are_in_their_order_and_not_in_that_of_their_letters(cells: list[object]) -> None:
    found = read(cells)
    assert (np.diff(found) > 0).all()
    assert np.argsort(read(cells[::-1])).tolist() == list(range(len(cells)))[::-1]


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (["03/04/2020", "05/06/2020"], "'03/04/2020' may be .* day_first=yes or day_first=no"),
        (["13/04/2020", "04/13/2020"], "row 1 holds .* and row 2 .* day first and month first"),
        (["00Z", "00.25Z"], "row 1 holds '00Z'; valid: "),
        (["1", "2", "9:00"], "row 3 holds '9:00', which is not written like '1' in row 1"),
        (["1", "9:00", "9:01"], "row 1 holds '1', which is not written like '9:00' in row 2"),
        (["9:00", "9:01", "soon"], "row 3 holds 'soon', which is not written like '9:00'"),
        (["soon", "9:00", "9:01"], "row 1 holds 'soon', which is not written like '9:00' in row 2"),
        (["2020-01-01", "31/1/2020", "30/1/2020"], "row 1 holds '2020-01-01', which is not"),
        (["2020-02-30", "2020-01-31"], "row 1 holds '2020-02-30', which is not written like"),
        (["31/1/2020", "1/2/2020", "1/13/2020", "x"], "day first and month first"),
        (["99/99/2020", "88/88/2020"], "row 1 holds '99/99/2020'; valid"),
        (["2020-01-01T00", "2020-01-01T01", "2020-01-01T02Z"], "row 3 .* and row 1 .* time zone"),
        (["2020-01-01T00Z", "2020-01-01T01", "2020-01-01T02"], "row 1 .* and row 2 .* time zone"),
        (["1", "2", "1e999"], "row 3 holds inf, no finite number"),
        (["2020-01-31", "31 Jan 2020"], "row 2 holds '31 Jan 2020', which is not written like"),
        (["2020-01-31", "2020-02-30"], "row 2 holds '2020-02-30'"),
        (["2020-01-01T00:00Z", "2020-01-01T01:00"], "row 2 .* one has a time zone, the other none"),
        (["9:00", "9:60"], "row 2 holds '9:60'"),
        (["31/1/2020 9:00", "31/1/2020 25:00"], "row 2 holds '31/1/2020 25:00'"),
        (["31 Jan 2020 9:00", "31 Jan 2020 24:01"], "row 2 holds '31 Jan 2020 24:01'"),
        (["2020-01-31 09:00:00", "2020-01-31 24:00:00.5"], "row 2 holds '2020-01-31 24:00:00.5'"),
        (["2020-01-31 9:00", "2020-01-31 24:30"], "row 2 holds '2020-01-31 24:30'"),
        (["2020-01-31 9:00 AM", "2020-01-31 13:00 AM"], "row 2 holds '2020-01-31 13:00 AM'"),
        (["2020-01/31", "2020-01/31"], "row 1 holds '2020-01/31'"),
        (
            ["2024-01-01 12.05.55", "2024-01-01 12.20.10"],
            "row 1 holds '2024-01-01 12.05.55'; valid",
        ),
        (["2024-01-01 12.30", "2024-01-01 13.00"], "row 1 holds '2024-01-01 12.30'; valid"),
        (["2024-01-01 12:30", "2024-01-01 12:30.5"], "row 2 holds '2024-01-01 12:30.5', which is"),
        (["2024-01-01T12,5", "2024-01-01T13,5"], "row 1 holds '2024-01-01T12,5'; valid"),
        (["1", "t02"], "row 2 holds 't02', which is not written like '1' in row 1; valid"),
        (["1", None, "3"], "lacks the time of 1 rows, the first is row 2"),
        (["1", str(2**63)], "row 2 holds 9223372036854775808; valid: numbers below 2"),
        (["11.2024", "12.2024", "01.2025"], "'11.2024' may be month and year .* 2024-11, or .*00"),
        (["2024.8", "2024.9", "2024.10"], "may be year and month .* as 2024.800"),
        (["2024.1", "2024.10"], "may be year and month or a number"),
        (["27.02", "28.02", "01.03"], "may be day and month or .* valid: 2024-11-30"),
        (["31/12/20"], "row 1 holds '31/12/20'"),
    ],
)
def test_what_can_be_two_times_or_none_is_refused(cells: list[object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        read(cells)
    assert str(caught.value).startswith("a.csv: column 't'")
    assert "\n" not in str(caught.value)


def test_the_user_decides_what_is_doubtful() -> None:
    early, late = "03/04/2020", "04/03/2020"
    assert read([early], "yes") > read([late], "yes")
    assert read([early], "no") < read([late], "no")
    assert settled(pd.Series(["13/1/2020"], dtype=object), "auto") == "yes"
    assert settled(pd.Series(["1/13/2020"], dtype=object), "auto") == "no"
    assert settled(pd.Series(["2020-01-13"], dtype=object), "auto") == "auto"


def test_typed_and_written_times_are_the_same() -> None:
    days = pd.date_range("2020-03-28", periods=72, freq="h", tz="Europe/Berlin")
    written = pd.Series([day.isoformat() for day in days], dtype=object)
    typed = moments(pd.Series(days), "t")
    assert typed.tolist() == moments(written, "t").tolist()
    assert (apart(typed) == 3600 * 10**6).all()


def test_times_of_pyarrow_are_those_of_pandas() -> None:
    hours = pd.Series(pd.date_range("2020-03-28", periods=5, freq="h", tz="UTC"))
    read = moments(hours.astype("timestamp[ns, UTC][pyarrow]"), "t")
    assert read.tolist() == moments(hours, "t").tolist()
    days = pd.Series(["2020-03-28", "2020-03-29"], dtype=object)
    assert moments(pd.to_datetime(days).astype("date32[pyarrow]"), "t").tolist() == (
        moments(days, "t").tolist()
    )


def test_a_long_whole_number_is_not_rounded() -> None:
    assert read(["9007199254740993", "9007199254740992"]).tolist() == [2**53 + 1, 2**53]


@given(st.lists(st.datetimes(), min_size=2, max_size=5, unique=True), st.booleans())
def test_any_date_is_in_its_place(days: list[datetime.datetime], blank: bool) -> None:
    found = read([day.isoformat(sep=" " if blank else "T") for day in days])
    assert np.argsort(found).tolist() == sorted(range(len(days)), key=lambda i: days[i])


@pytest.mark.parametrize("typed", [False, True])
def test_distances_are_the_same_however_finely_times_are_written(typed: bool) -> None:
    """Of two files, or two pieces of a stream, one may be written in nanoseconds."""
    days = pd.Series(pd.date_range("2020-03-28", periods=5, freq="D"))
    fine = days + pd.Timedelta(nanoseconds=7)
    if not typed:
        days, fine = (times.map(pd.Timestamp.isoformat).astype(object) for times in (days, fine))
    coarse, exact = moments(days, "t"), moments(fine, "t")
    assert apart(coarse).tolist() == apart(exact).tolist() == [86_400e6] * 4
    mixed = np.array([coarse[0], exact[1], coarse[2]])
    assert apart(mixed).tolist() == [86_400e6 + 0.007, 86_400e6 - 0.007]


_EVENING = ["23:40", "23:50", "0:00", "0:10"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (_EVENING, "'23:50' in row 2 is followed by '0:00' in row 3, which may be the day after"),
        (_EVENING[::-1], "'0:00' in row 2 is followed by '23:50' in row 3, "),
        (["11:40 PM", "12:10 AM"], "'11:40 PM' in row 1 is followed by '12:10 AM' in row 2"),
        ([datetime.time(22), datetime.time(4)], r"time\(22, 0\) in row 1 is"),
        (["23:59:59.9999999", "0:00:00.1"], "in row 1 is followed by '0:00:00.1' in row 2"),
        (["23:00", "24:00", "1:00"], "'24:00' in row 2 is followed by '1:00' in row 3, "),
        # In order, from the last to the first, in no order, and durations.
        (["0:10", "23:40", "23:50"], None),
        (["23:50", "23:40", "0:10"], None),
        (["0:10", "23:40"], None),
        (["10:00", "9:00", "12:00", "11:00"], None),
        (["30:40", "23:50", "0:00", "0:10"], None),
        (["2020-01-02 23:00", "2020-01-01 01:00"], None),
        ([23.0, 0.5], None),
    ],
)
def test_times_of_day_that_go_past_midnight_are_refused(cells: list[Any], said: str | None) -> None:
    column = pd.Series(cells, dtype=object)
    parts = [np.argsort(read(cells), kind="stable")]
    if said is None:
        refuse_doubts(read(cells), parts, column, "a.csv")
        return
    with pytest.raises(ValueError, match=said):
        refuse_doubts(read(cells), parts, column, "a.csv")
