"""Where one point stands among many: fronts that are kept as points come, and an epsilon-net.

To compare everything with everything at a rung is cubic in the trials. Here a point that comes is
compared once with those there are, and only the fronts that it changes are gone through.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

# What goes before what where two points are equal: less before more, the first number first.
Tie = tuple[float, float]
_ALIKE: Tie = (0.0, 0.0)

_ROOM = 64  # points, at first
_BLOCK = 2**16  # comparisons at once


class Fronts:
    """Points, each with the number of its front.

    A point *dominates* another if it is no worse in any objective and better in one that counts;
    front 0 is what nothing dominates, front k what nothing dominates once those before are gone.

    Args:
        counts: for each objective, whether to be better in it alone is to be better.
    """

    def __init__(self, counts: Flags) -> None:
        self._counts = counts
        # With one objective the order is that of its values, and fronts are of no use.
        self._simple = len(counts) == 1
        self._values = np.empty((_ROOM, len(counts)))
        self._front = np.empty(_ROOM, dtype=np.intp)
        self._ties = np.empty((_ROOM, len(_ALIKE)))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, values: Floats, tie: Tie = _ALIKE) -> None:
        """Take in a point: (objectives,), less is better."""
        if self._size == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
            self._front = np.concatenate([self._front, np.empty_like(self._front)])
            self._ties = np.concatenate([self._ties, np.empty_like(self._ties)])
        depth = front = 0 if self._simple else self._front_of(values)
        pushers = values[:0, None] if self._simple else values[None]
        # A front is as deep as the longest chain that dominates it, and one more point makes a
        # chain longer by one at most: what is pushed out of a front pushes in the next one.
        while len(pushers):
            level = np.flatnonzero(self._fronts == depth)
            pushed = level[_dominated(self._points[level], pushers, self._counts)]
            depth += 1
            self._front[pushed] = depth
            pushers = self._points[pushed]
        self._values[self._size], self._front[self._size] = values, front
        self._ties[self._size] = tie
        self._size += 1

    def place(self, values: Floats, room: int, tie: Tie = _ALIKE) -> int:
        """Return how many points come before one that is not among them, or `room` if more do.

        They come front by front, those of one front in the order of `epsilon_net`. Equals go by
        their ties, and where these are equal, too, the one that comes is the last.
        """
        if self._simple:
            points = self._points[:, 0]
            equals = self._ties[: self._size][points == values[0]]
            first = np.count_nonzero(_not_after(equals, tie))
            return min(room, int(np.count_nonzero(points < values[0]) + first))
        front = self._front_of(values)
        before = int(np.count_nonzero(self._fronts < front))
        if before >= room:
            return room
        level = np.flatnonzero(self._fronts == front)
        peers = level[~_dominated(self._points[level], values[None], self._counts)]
        if before + len(peers) < room:
            return before + len(peers)
        # Equal distances go to the lower index.
        order = np.lexsort(np.concatenate([self._ties[peers], [tie]]).T[::-1])
        net = epsilon_net(np.concatenate([self._points[peers], values[None]])[order], room - before)
        found = np.flatnonzero(order[net] == len(peers))
        return before + int(found[0]) if len(found) else room

    @property
    def _points(self) -> Floats:
        return self._values[: self._size]

    @property
    def _fronts(self) -> Indices:
        return self._front[: self._size]

    def _front_of(self, values: Floats) -> int:
        above = _dominates(self._points, values, self._counts)
        return int(self._fronts[above].max(initial=-1)) + 1


def _not_after(ties: Floats, tie: Tie) -> Flags:
    """Mark those of `ties` (points, 2) that are no more than `tie`."""
    first, second = ties.T
    return np.asarray((first < tie[0]) | ((first == tie[0]) & (second <= tie[1])), dtype=np.bool_)


def _dominates(points: Floats, values: Floats, counts: Flags) -> Flags:
    """Mark those of `points` (points, objectives) that dominate `values` (objectives,)."""
    no_worse = (points <= values).all(axis=1)
    better = (points < values)[:, counts].any(axis=1)
    return np.asarray(no_worse & better, dtype=np.bool_)


def _dominated(points: Floats, by: Floats, counts: Flags) -> Flags:
    """Mark those of `points` (points, objectives) that one of `by` dominates."""
    mark = np.zeros(len(points), dtype=np.bool_)
    # A block at a time: a front may be as large as all there is, and memory stays linear.
    size = max(1, _BLOCK // max(1, len(points)))
    for start in range(0, len(by), size):
        values = by[start : start + size, None]
        no_worse = np.logical_and.reduce(values <= points, axis=2)
        better = np.logical_or.reduce((values < points) & counts, axis=2)
        mark |= (no_worse & better).any(axis=0)
    return mark


def epsilon_net(losses: Floats, most: int) -> Indices:
    """Return the indices of the first `most` of `losses` (points, objectives), well spread.

    The first is the best in the first objective (then in the second, and so on); each next one is
    the farthest from all before it. Equal distances go to the lower index.
    """
    places = np.stack([np.unique(column, return_inverse=True)[1] for column in losses.T], axis=1)
    scaled = places / np.maximum(places.max(axis=0), 1)
    taken = [int(np.lexsort(losses.T[::-1])[0])]
    gap = np.full(len(losses), np.inf)
    while len(taken) < min(most, len(losses)):
        gap = np.minimum(gap, np.linalg.norm(scaled - scaled[taken[-1]], axis=1))
        gap[taken] = -1.0
        taken.append(int(np.argmax(gap)))
    return np.array(taken, dtype=np.intp)
