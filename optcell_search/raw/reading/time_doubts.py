"""What the order of a file says of its times, where they may be meant otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def past_noon(
    moments: npt.NDArray[Any], parts: Sequence[npt.NDArray[np.int64]]
) -> tuple[int, int] | None:
    """Return two rows between which a clock of 12 hours without am and pm goes past noon.

    Such a clock has the hours 1 to 12 alone, and all that falls in the order of the file falls
    from 12 to 1, on one day. Rows in no order fall elsewhere, too.

    Args:
        moments: (rows,) numbers or durations.
        parts: rows of each sequence.
    """
    if moments.dtype.kind != "m":
        return None
    days, hours = np.divmod(moments // np.timedelta64(1, "h"), 24)
    if hours.min() < 1 or hours.max() > 12:
        return None
    falls: list[tuple[int, int]] = []
    for part in parts:
        rows = np.sort(part)
        back = np.flatnonzero(np.diff(moments[rows]) < np.timedelta64(0))
        falls += zip(rows[back].tolist(), rows[back + 1].tolist(), strict=True)
    if all(
        days[last] == days[first] and hours[last] == 12 and hours[first] == 1
        for last, first in falls
    ):
        return next(iter(falls), None)
    return None
