"""How well one ranking agrees with another, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .intervals import Interval

_DRAWS, _SEED = 4999, 0
_ENDS = (2.5, 97.5)
_BY_CHANCE = 0.05

Floats = npt.NDArray[np.float64]
Pair = tuple[Sequence[float], Sequence[float]]


def tau_within(groups: Sequence[Pair]) -> Interval | None:
    """Return Kendall's tau-b of two rankings, over the pairs within each group.

        tau = sum of sign(x_i - x_j) sign(y_i - y_j) / sqrt(pairs not tied in x · pairs not in y)

    The interval is the bootstrap's, 95 % of tau over 4,999 draws of each group's members. Few
    members that are all in order are so in every draw as well; hence it holds 0 wherever shuffling
    y within the groups comes to such a tau, positive or negative, more than once in twenty times,
    as it does with up to four members of a single group.

    Args:
        groups: x and y of the members of each.

    Returns:
        tau with its interval, and the number of members; None where no pair differs in both.
    """
    each = [_signs(x, y) for x, y in groups if len(x) > 1]
    whole = sum((_sums(x, y) for x, y in each), np.zeros(3))
    if not whole[1] * whole[2]:
        return None
    random = np.random.default_rng(_SEED)
    drawn = np.zeros((_DRAWS, 3))
    shuffled = np.zeros((_DRAWS, 3))
    for x, y in each:
        size = (_DRAWS, len(x))
        drawn += _drawn(x, y, random.integers(len(x), size=size))
        order = random.permuted(np.broadcast_to(np.arange(len(x)), size), axis=1)
        shuffled += _shuffled(x, y, order)
    tau = float(_tau(whole))
    found = _tau(drawn[drawn[:, 1] * drawn[:, 2] > 0])
    low, high = (float(end) for end in np.percentile(found, _ENDS))
    as_far = int((np.abs(_tau(shuffled)) >= abs(tau) - 1e-9).sum())
    if (1 + as_far) / (1 + _DRAWS) > _BY_CHANCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(tau, low, high, sum(len(x) for x, _ in each))


def _signs(x: Sequence[float], y: Sequence[float]) -> tuple[Floats, Floats]:
    """Return for each pair of members which is the larger in x, and in y."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return np.sign(a[:, None] - a), np.sign(b[:, None] - b)


def _sums(x: Floats, y: Floats) -> Floats:
    """Return the sums (..., 3) over pairs: of the product of signs, and of their squares."""
    parts = (x * y, x * x, y * y)
    return np.stack([part.sum((-2, -1)) for part in np.broadcast_arrays(*parts)], -1)


def _drawn(x: Floats, y: Floats, members: npt.NDArray[np.int64]) -> Floats:
    rows, columns = members[:, :, None], members[:, None, :]
    return _sums(x[rows, columns], y[rows, columns])


def _shuffled(x: Floats, y: Floats, order: npt.NDArray[np.int64]) -> Floats:
    return _sums(x, y[order[:, :, None], order[:, None, :]])


def _tau(sums: Floats) -> Floats:
    tau: Floats = sums[..., 0] / np.sqrt(sums[..., 1] * sums[..., 2])
    return tau
