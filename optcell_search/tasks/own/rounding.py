"""Whether the numbers of an array survive becoming float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from optcell_search.raw import ArrayPreprocessing
from optcell_search.raw.laid import Laid
from optcell_search.raw.reading.columns import numbers
from optcell_search.tasks.splitting import Index

_SHARE = 1e-2
# Whole numbers up to here are numbers of float64.
_EXACT = 2**53


def refuse_rounding(
    made: ArrayPreprocessing, arrays: Mapping[str, npt.NDArray[Any]], train: Index, where: str
) -> None:
    """Refuse features whose changes float32 would round off, as of 1e9 + 1 or of 1e-300.

    Args:
        made: how the numbers are scaled.
        arrays: x, y and lengths as the file has them.
        train: numbers of the sequences that are trained on.
        where: what holds them, for the message.

    Raises:
        ValueError: a feature is off by more than a hundredth of its standard deviation.
    """
    if np.can_cast(arrays["x"].dtype, np.float32):
        return
    steps = steps_of(arrays, train, where)
    for place in range(steps.shape[1]):
        value = steps[:, place].astype(np.float64)
        if made.offset:
            value = (value - made.offset[place]) / made.scale[place]
        largest = np.abs(value).max(initial=0.0)
        if not largest:
            continue
        error = np.abs(value.astype(np.float32) - value).max() / largest
        # Of the numbers by the largest: squares of very small ones are 0.
        if 0 < _SHARE * np.std(value / largest) < error:
            raise ValueError(
                f"{where}: feature {place} of x is so far from 0, or so near to it, that float32 "
                "would round its changes off; valid: scale=standard, or another unit"
            )


def refuse_rounded(values: npt.NDArray[Any], what: str) -> None:
    """Refuse whole numbers whose changes float64 would round off, as of 2⁶⁰ + 1.

    Args:
        values: (rows,) or (rows, numbers), as the file has them.
        what: what holds them, for the message.

    Raises:
        ValueError: see `columns.numbers`.
    """
    if values.dtype.kind not in "iu" or np.abs(values.astype(np.float64)).max(initial=0) < _EXACT:
        return
    import pandas as pd

    table = values.reshape(len(values), -1)
    for place in range(table.shape[1]):
        numbers(pd.Series(table[:, place]), what if values.ndim == 1 else f"{what}, number {place}")


def steps_of(arrays: Mapping[str, npt.NDArray[Any]], train: Index, where: str) -> npt.NDArray[Any]:
    """Return (steps, features) of the sequences that are trained on, as the file has them."""
    part = Laid.of(Laid.of(arrays, where).taken(arrays, train), where)
    return part.steps(part.x)
