"""The order of points at a rung, as the head of `tuning.search.halving` says it, written out.

It compares everything with everything: what the rungs, which keep fronts, are held against.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from optcell_search.tuning.search.halving import Point
from optcell_search.tuning.search.standing import Floats, Indices


def order(points: Sequence[Point], learned: npt.NDArray[np.bool_]) -> Indices:
    """Return the indices of `points`, the best first, as the head of this module says."""
    # Where nothing else tells points apart the lower index goes first.
    by_tie = np.array(sorted(range(len(points)), key=lambda i: points[i].tie), dtype=np.intp)
    points = [points[i] for i in by_tie]
    losses = np.array([point.losses for point in points])
    broken = np.maximum([point.violations for point in points], 0.0)
    feasible = ~broken.any(axis=1)
    parts = []
    for members, values, counts in (
        (np.flatnonzero(feasible), losses, learned),
        (np.flatnonzero(~feasible), broken, np.ones(broken.shape[1], dtype=bool)),
    ):
        for front in fronts(values[members], counts):
            parts.append(members[front[epsilon_net(values[members][front])]])
    return by_tie[np.concatenate(parts)]


def fronts(losses: Floats, learned: npt.NDArray[np.bool_]) -> list[Indices]:
    """Return the indices of `losses` (trials, objectives) front by front, the best front first."""
    no_worse = (losses[:, None] <= losses[None]).all(-1)
    better = ((losses[:, None] < losses[None]) & learned).any(-1)
    dominates: npt.NDArray[np.bool_] = np.asarray(no_worse & better)
    left = np.ones(len(losses), dtype=bool)
    found = []
    while left.any():
        front = left & ~dominates[left].any(0)
        found.append(np.flatnonzero(front))
        left &= ~front
    return found


def epsilon_net(losses: Floats) -> Indices:
    """Return the indices of `losses` (trials, objectives) so that every beginning is well spread.

    The first is the best in the first objective (then in the second, and so on); each next one is
    the farthest from all before it. Equal distances go to the lower index.
    """
    places = np.stack([np.unique(column, return_inverse=True)[1] for column in losses.T], axis=1)
    scaled = places / np.maximum(places.max(axis=0), 1)
    taken = [int(np.lexsort(losses.T[::-1])[0])]
    gap = np.full(len(losses), np.inf)
    while len(taken) < len(losses):
        gap = np.minimum(gap, np.linalg.norm(scaled - scaled[taken[-1]], axis=1))
        gap[taken] = -1.0
        taken.append(int(np.argmax(gap)))
    return np.array(taken, dtype=np.intp)
