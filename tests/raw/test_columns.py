"""Numbers of a column: what float64 cannot tell apart is refused and never rounded together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optcell_search.raw.reading import columns

BIG = 2**63


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([str(BIG + number) for number in range(5)], dtype=object),
        pd.Series([BIG + number for number in range(5)], dtype=np.uint64),
        pd.Series([BIG + number for number in range(5)], dtype=object),
        pd.Series([str(-BIG - number) for number in range(5)], dtype=object),
    ],
)
def test_whole_numbers_whose_changes_would_be_rounded_off_are_refused(
    column: pd.Series[object],
) -> None:
    with pytest.raises(ValueError, match=r"a.csv: column 'n': row 2 holds -?\d+ after -?\d+, whol"):
        columns.numbers(column, "a.csv: column 'n'")
    gapped = pd.concat([pd.Series([None, None]), column], ignore_index=True).astype(object)
    with pytest.raises(ValueError, match="row 4 holds"):
        columns.numbers(gapped, "a.csv: column 'n'")


def test_a_block_of_columns_refuses_them_too_and_names_the_column() -> None:
    frame = pd.DataFrame({"a": ["1", "2"], "n": [str(BIG), str(BIG + 1)]}, dtype=object)
    with pytest.raises(ValueError, match=r"a\.csv: column 'n': row 2 holds"):
        columns.block(frame, ["a", "n"], "a.csv")


@pytest.mark.parametrize(
    "cells",
    [
        # Nanoseconds: a change is far larger than what is rounded off.
        [str(1_600_000_000_000_000_000 + 10**9 * number) for number in range(5)],
        # Nothing changes, so that nothing is lost.
        [str(BIG)] * 3,
        ["1e30", "1.5e30"],
        ["-7", "", "9007199254740993"],
    ],
)
def test_other_large_numbers_are_numbers(cells: list[str]) -> None:
    column = pd.Series([cell or None for cell in cells], dtype=object)
    found = columns.numbers(column, "a.csv: column 'n'")
    expected = [float(cell) if cell else np.nan for cell in cells]
    np.testing.assert_array_equal(found, expected)


def test_names_are_shown_in_one_line() -> None:
    assert columns.listed(["a", "b c", "\n", "\x1b[31m", 7]) == r"a, b c, '\n', '\x1b[31m', 7"
    assert columns.listed(list(range(30)), 2) == "0, 1, … (30 in all)"


@pytest.mark.parametrize("beside", ["0.5", "x", "nan", "1_0"])
def test_a_number_of_many_digits_is_the_nearest_there_is(beside: str) -> None:
    """Whatever stands in the other cells; pandas takes the second for 0."""
    cells = [
        "0.00000000000123456789",
        "0.0000000000000000000001",
        "0.30000000000000004",
        "6.55e-26",
    ]
    expected = [1.23456789e-12, 1e-22, 0.30000000000000004, 6.55e-26]
    column = pd.Series([*cells, None, beside], dtype=object)
    if beside == "0.5":
        found = columns.block(pd.DataFrame({"a": column}), ["a"], "a.csv")[:, 0]
        np.testing.assert_array_equal(found, [*expected, np.nan, 0.5])
        np.testing.assert_array_equal(columns.numbers(column, "a.csv"), found)
    else:
        with pytest.raises(ValueError, match=f"row 6 holds '{beside}', which is no finite number"):
            columns.numbers(column, "a.csv")
        read = columns._parsed(np.array([*cells, beside], dtype=object))
        np.testing.assert_array_equal(read, [*expected, np.nan])


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64", "object", "int64[pyarrow]"])
def test_a_first_cell_that_is_missing_says_nothing_of_a_column(dtype: str) -> None:
    numbers = pd.Series([None, True, False, True], dtype="boolean").astype(dtype)
    numbers[0] = pd.NA
    frame = pd.DataFrame({"a": numbers, "b": [0.5, 1.0, 2.0, 3.0]})
    held = ("a",) if dtype in ("boolean", "object") else ()
    assert columns.truths(frame, ["a", "b"]) == held
    np.testing.assert_array_equal(columns.block(frame, ["a"], "w")[:, 0], [np.nan, 1, 0, 1])
