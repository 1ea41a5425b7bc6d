"""What never changes in the training part, and so says nothing of new data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .reading.columns import Floats, listed


def constant(values: Floats, deviation: Floats) -> npt.NDArray[np.bool_]:
    """Return (columns,): where all numbers are the same, or too near to each other for float64.

    Args:
        values: (rows, columns), NaN where a number is missing.
        deviation: (columns,); of equal numbers that rounding makes unequal to their mean it is a
            number above 0 that says nothing.
    """
    same = np.nanmin(values, axis=0) == np.nanmax(values, axis=0)
    return np.asarray(same | (deviation == 0))


def tell(names: Sequence[object], where: str) -> None:
    """Warn of what never changes in the training part of a file, where there is any."""
    if names:
        warnings.warn(
            f"{where}: what never changes in the training part tells nothing and is 0, in new rows "
            f"too: {listed(names, 5)}",
            stacklevel=2,
        )
