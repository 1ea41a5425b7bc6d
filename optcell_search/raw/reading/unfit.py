"""Values in memory that numpy takes for others than they are."""

from __future__ import annotations

import decimal
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

_PLAIN = (bool, int, float, str)
Number = numbers.Real | decimal.Decimal | None


def refuse_unfit(values: Any, name: str) -> None:
    """Refuse what would be taken for other numbers than it is.

    Those are masked values, taken for what lies below, times, for numbers, and complex numbers, for
    their real parts.

    Args:
        values: an array, a frame, a series, or lists of them, however deep.
        name: what messages call them.
    """
    if isinstance(values, list | tuple):
        for one in values:
            if not isinstance(one, _PLAIN):
                refuse_unfit(one, name)
        return
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; valid: numbers, or sequences without them")
    types = getattr(values, "dtypes", getattr(values, "dtype", None))
    kinds = {_kind(one) for one in (types if np.iterable(types) else [types])}
    if kinds & {"m", "M"}:
        raise ValueError(f"{name} holds times; valid: numbers")
    if "c" in kinds or isinstance(values, complex):
        raise ValueError(f"{name} holds complex numbers; valid: real ones")
    if "O" in kinds:
        refuse_unfit(np.asarray(values, dtype=object).ravel().tolist(), name)


def _kind(dtype: Any) -> str:
    """Return the letter of a type as numpy has it, of PyTorch's complex ones, too."""
    if getattr(dtype, "is_complex", False):
        return "c"
    return getattr(dtype, "kind", "")


def array_of(values: Any) -> npt.NDArray[Any]:
    """Return values as an array; tensors, listed or not, are taken from graph and device.

    Raises:
        ValueError: they are lists of unequal length.
    """
    if isinstance(values, list | tuple) and any(isinstance(one, torch.Tensor) for one in values):
        return np.asarray([array_of(one) for one in values])
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        # numpy has no bfloat16.
        return np.asarray(values.float() if values.dtype == torch.bfloat16 else values)
    return np.asarray(values)


def real_array(values: Any) -> npt.NDArray[np.float64]:
    """Return values as an array of numbers, NaN where one is None.

    Raises:
        TypeError: there are texts or other objects.
        ValueError: they are lists of unequal length.
    """
    found = array_of(values)
    cells = found.ravel().tolist() if found.dtype.kind == "O" else []
    if found.dtype.kind not in "buifO" or not all(isinstance(cell, Number) for cell in cells):
        raise TypeError(found.dtype)
    return found.astype(np.float64)
