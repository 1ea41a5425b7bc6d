"""How numbers are judged, in the unit of the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

Floats = npt.NDArray[np.float64]

# Residuals that a ledger keeps; of more, evenly many.
_MOST_KEPT = 2000
_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def apart(rows: Tensor) -> tuple[Floats, Floats]:
    """Return predictions and targets (rows, values), NaN where there is no target."""
    values = rows.cpu().numpy()
    half = values.shape[1] // 2
    return values[:, :half], values[:, half:]


def scaled(values: Tensor, offset: tuple[float, ...], scale: tuple[float, ...]) -> Tensor:
    """Return ``(values − offset) / scale`` over the last dimension, in the type of the values."""
    if len(set(offset)) == 1 and len(set(scale)) == 1:
        return (values - offset[0]) / scale[0]
    return (values - values.new_tensor(offset)) / values.new_tensor(scale)


def scores(predicted: Floats, observed: Floats) -> dict[str, float]:
    """Return mse, mae, rmse over all targets, and r2, the mean over the values predicted at once.

    r2 is 1 − mse / (mse of always answering the mean of these targets); it is not defined for fewer
    than two targets, nor where all are the same.
    """
    error = (predicted - observed)[~np.isnan(observed)]
    squares = float(np.square(error).mean()) if len(error) else math.nan
    return {
        "mse": squares,
        "mae": float(np.abs(error).mean()) if len(error) else math.nan,
        "rmse": math.sqrt(squares),
        "r2": r2(predicted, observed),
    }


def r2(predicted: Floats, observed: Floats) -> float:
    """Return the r2 of `scores`."""
    there = ~np.isnan(observed)
    count = there.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, observed, 0).sum(0) / count
        spread = np.square(np.where(there, observed - mean, 0)).sum(0)
        left = np.square(np.where(there, observed - predicted, 0)).sum(0)
        # Of equal numbers the mean is rounded, and their spread then a little more than 0.
        least = np.where(there, observed, np.inf).min(0, initial=np.inf)
        most = np.where(there, observed, -np.inf).max(0, initial=-np.inf)
        found = np.where(most > least, 1 - left / spread, np.nan)
    return float(np.nanmean(found)) if np.isfinite(found).any() else math.nan


def mean(each: Sequence[float]) -> float:
    """Return the mean of those that are defined; NaN where none is."""
    known = [one for one in each if not math.isnan(one)]
    return float(np.mean(known)) if known else math.nan


def residuals(predicted: Floats, observed: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    """Return predictions beside targets, at most some thousand, and quantiles of all errors."""
    there = np.argwhere(~np.isnan(observed))
    kept = there[np.unique(np.linspace(0, len(there) - 1, _MOST_KEPT).astype(np.int64))]
    error = (predicted - observed)[~np.isnan(observed)]
    return {
        "kind": "residuals",
        "name": ", ".join(names),
        "names": list(names),
        "targets": len(there),
        "quantiles": {f"{share:g}": float(np.quantile(error, share)) for share in _SHARES},
        "value": kept[:, 1].tolist(),
        "predicted": predicted[tuple(kept.T)].tolist(),
        "target": observed[tuple(kept.T)].tolist(),
    }
