"""Values in memory that numpy takes for others than they are."""

from __future__ import annotations

from typing import Any

import numpy as np


def refuse_unfit(values: Any, name: str) -> None:
    """Refuse masked values, which would be taken for what lies below, and times, which for numbers.

    Args:
        values: an array, a frame, a series or a list of them.
        name: what messages call them.
    """
    for one in values if isinstance(values, list | tuple) else [values]:
        if np.ma.is_masked(one):
            raise ValueError(f"{name} has masked values; valid: numbers, or sequences without them")
        types = getattr(one, "dtypes", getattr(one, "dtype", None))
        kinds = {getattr(kind, "kind", "") for kind in (types if np.iterable(types) else [types])}
        if kinds & {"m", "M"}:
            raise ValueError(f"{name} holds times; valid: numbers")
