"""What NumPy would turn into numbers without a word is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from optcell_search.raw.reading.unfit import refuse_unfit

NUMBERS = np.arange(12.0).reshape(3, 4)
MASKED = np.ma.masked_array(NUMBERS, mask=NUMBERS == 5)
TIMES = np.arange(12).astype("datetime64[s]").reshape(3, 4)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (MASKED, "X has masked values"),
        ([NUMBERS, MASKED], "X has masked values"),
        (TIMES, "X holds times; valid: numbers"),
        (TIMES - TIMES[0], "X holds times"),
        ([NUMBERS, TIMES], "X holds times"),
        (pd.Series(TIMES[0]), "X holds times"),
        (pd.DataFrame({"a": NUMBERS[0], "t": TIMES[0]}), "X holds times"),
        (pd.DataFrame({"t": pd.date_range("2020", periods=3, tz="UTC")}), "X holds times"),
        ([[list(NUMBERS), list(MASKED)]], "X has masked values"),
        ([NUMBERS.tolist(), [list(MASKED[1])]], "X has masked values"),
        (np.array([[TIMES[0, 0]], [TIMES[0, 1]]], dtype=object), "X holds times"),
        (pd.DataFrame({"a": [NUMBERS[0], MASKED[1]]}), "X has masked values"),
        (NUMBERS * 1j, "X holds complex numbers; valid: real ones"),
        ([[1.0, 2j]], "X holds complex numbers"),
        (torch.ones(3) * 1j, "X holds complex numbers"),
    ],
)
def test_masked_values_and_times_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        refuse_unfit(values, "X")


@pytest.mark.parametrize(
    "values",
    [
        NUMBERS, NUMBERS.tolist(), [NUMBERS, NUMBERS[:2]], pd.DataFrame(NUMBERS), None, [[1], [3]],
        np.ma.masked_array(NUMBERS), pd.DataFrame({"a": [NUMBERS[0], NUMBERS[1]]}),
    ],
)  # fmt: skip
def test_numbers_are_not(values: Any) -> None:
    refuse_unfit(values, "X")
