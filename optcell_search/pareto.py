"""Points with several objectives: Pareto fronts and hypervolume. No tables, no ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import moocore
import numpy as np
import numpy.typing as npt

Direction = Literal["minimize", "maximize"]
_SIGNS = {"minimize": 1.0, "maximize": -1.0}


def front_mask(values: npt.ArrayLike, directions: Sequence[Direction]) -> npt.NDArray[np.bool_]:
    """Mark the points of `values` (points, objectives) that no other point dominates.

    Equal points are all marked; one that holds NaN or an infinity never is, and dominates none.
    """
    points = losses(values, directions)
    finite = finite_rows(points)
    mask = np.zeros(len(points), dtype=bool)
    if finite.any():
        mask[finite] = moocore.is_nondominated(points[finite], keep_weakly=True)
    return mask


def ranks(values: npt.ArrayLike, directions: Sequence[Direction]) -> npt.NDArray[np.int_]:
    """Return the front of each point of `values` (points, objectives): 0, the Pareto front, 1, ...

    The front after another is what nothing dominates once that one is gone. All values are finite.
    """
    points = losses(values, directions)
    if not len(points):
        return np.zeros(0, dtype=np.int_)
    return np.asarray(moocore.pareto_rank(points), dtype=np.int_)


def hypervolume(
    values: npt.ArrayLike,
    directions: Sequence[Direction],
    reference: Sequence[float] | None = None,
) -> float:
    """Return the volume that `values` (points, objectives) dominate up to the reference point.

    Points with NaN or an infinity, and parts beyond the reference, count for nothing.

    Args:
        values: objectives in their own units.
        directions: one an objective.
        reference: one an objective, in its own units; by default the worst value of each.

    Raises:
        ValueError: a point or the reference has not one value for each direction, a direction is
            none, or the reference is not finite.
    """
    points = losses(values, directions)
    points = points[finite_rows(points)]
    if not len(points):
        return 0.0
    worst = points.max(axis=0) if reference is None else losses([reference], directions)[0]
    if not np.isfinite(worst).all():
        raise ValueError(f"reference {list(reference or ())}; valid: finite numbers")
    # moocore is exact in any number of dimensions and public, unlike Optuna's own private module.
    return float(moocore.hypervolume(points, ref=worst))


def losses(values: npt.ArrayLike, directions: Sequence[Direction]) -> npt.NDArray[np.float64]:
    """Return `values` as (points, objectives), turned so that less is better."""
    odd = [direction for direction in directions if direction not in _SIGNS]
    if odd:
        raise ValueError(f"direction {odd[0]!r}; valid: {', '.join(map(repr, _SIGNS))}")
    points = np.asarray(values, dtype=np.float64)
    if not points.size:
        points = points.reshape(-1, len(directions))
    if points.ndim != 2 or points.shape[1] != len(directions):
        raise ValueError(
            f"points of shape {points.shape}; valid: (points, {len(directions)}), one value for "
            "each direction"
        )
    return np.multiply(points, [_SIGNS[direction] for direction in directions])


def finite_rows(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark the points of `values` (points, objectives) without NaN and infinities."""
    return np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)
