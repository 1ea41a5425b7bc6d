"""How far the gradient of a trained candidate reaches back in time, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .data import Data

PLAIN = "gd"


@dataclass(frozen=True)
class Gradient:
    """The norm of the loss's gradient by the hidden state, over the distance from the last step.

    Attributes:
        distances: in steps, from 0 on.
        norms: one a distance.
        plain: the trial to compare it with: of the same cell behind plain gradient descent, the
            one with the most similar settings; None where there is none, or it is one itself.
    """

    distances: tuple[int, ...]
    norms: tuple[float, ...]
    plain: int | None


def gradients(data: Data, numbers: Iterable[int]) -> dict[int, Gradient]:
    """Return the gradients of these trials and of those to compare them with.

    Left out are trials without: unfinished ones, those that read in two directions, older ledgers'.
    """
    wanted = [number for number in numbers if number in data.gradients]
    known = data.table[data.table["number"].isin(list(data.gradients))]
    found: dict[int, Gradient] = {}
    for _, rows in known.groupby("cell"):
        mine = rows[rows["number"].isin(wanted)]
        plain = rows[rows["rule"] == PLAIN]
        twins = _nearest(mine, plain) if len(plain) and len(mine) else {}
        for number, rule in zip(mine["number"].tolist(), mine["rule"].tolist(), strict=True):
            twin = twins.get(number) if rule != PLAIN else None
            found[number] = _gradient(data, number, twin)
            if twin is not None and twin not in found:
                found[twin] = _gradient(data, twin, None)
    return found


def _gradient(data: Data, number: int, plain: int | None) -> Gradient:
    curve = data.gradients[number]
    distances = sorted(curve)
    return Gradient(tuple(distances), tuple(curve[d] for d in distances), plain)


def _nearest(rows: pd.DataFrame, others: pd.DataFrame) -> dict[int, int]:
    """Return number → number of the row of `others` whose settings differ least; ties: the first.

    Numbers differ by their distance on a scale from the least to the largest value of all rows,
    logarithmic where all are positive; all else by 1.
    """
    gaps = np.zeros((len(rows), len(others)))
    for column in rows.columns:
        if str(column).startswith(("model.", "training.")):
            gaps += _gaps(rows[column], others[column])
    nearest = others["number"].to_numpy()[gaps.argmin(axis=1)]
    return {int(a): int(b) for a, b in zip(rows["number"], nearest, strict=True)}


def _gaps(mine: pd.Series[Any], others: pd.Series[Any]) -> npt.NDArray[np.float64]:
    both = pd.concat([mine, others])
    if both.isna().all():
        return np.zeros((len(mine), len(others)))
    if pd.api.types.is_bool_dtype(both) or not pd.api.types.is_numeric_dtype(both):
        codes, _ = pd.factorize(both)
        differ = codes[: len(mine), None] != codes[None, len(mine) :]
        return np.asarray(differ, dtype=np.float64)
    places = both.to_numpy(dtype=float)
    places = np.log(places) if np.nanmin(places) > 0 else places
    span = float(np.nanmax(places) - np.nanmin(places)) or 1.0
    gaps = np.abs(places[: len(mine), None] - places[None, len(mine) :]) / span
    # A setting that one of two does not have.
    return np.asarray(np.nan_to_num(gaps, nan=1.0), dtype=np.float64)
