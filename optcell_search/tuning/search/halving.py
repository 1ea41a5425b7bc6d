"""Successive halving by one objective or several at once: who goes on at a rung. No Ray.

At each rung, 1/9 and 1/3 of the budget, the trials seen there so far are put in an order and the
newcomer goes on if it is among the first third. The order:

1. trials that keep every constraint, then the others by how much they break;
2. front by front: a trial *dominates* another if it is no worse in any objective and better in one
   that training changes; the first front is what nothing dominates, and so on;
3. within a front an epsilon-net: the best in the first objective, then each time the trial that
   lies farthest from those already taken, so that both ends and then the middle are kept.

Source: Schmucker et al. 2021, Multi-objective Asynchronous Successive Halving, arXiv 2106.12639.
Departures: what a candidate costs (its parameters) is known untrained and does not change, so it
alone is no ground for stopping a trial: where nobody has learned anything yet, small networks
would win every rung. Distances are between places in the order of each objective, not between
values, so that parameters count the same in thousands and in logarithms. A rung decides from its
third trial on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

REDUCTION = 3


@dataclass(frozen=True)
class Point:
    """Where a trial stands at a rung.

    Attributes:
        losses: its objectives, turned so that less is better.
        violations: one a constraint, positive where it is broken.
    """

    losses: tuple[float, ...]
    violations: tuple[float, ...] = ()


class Halving:
    """Rungs, and the trials that have reached them.

    Args:
        learned: for each objective, whether training changes it; it is so for one at least.
        budget: epochs of a trial that is never stopped.
        grace: the first rung, by default a ninth of the budget.
        reduction: a rung lets one in `reduction` go on, and the next is `reduction` times as high.

    Raises:
        ValueError: nothing is learned, or a number is too small.
    """

    def __init__(
        self,
        learned: Sequence[bool],
        budget: int,
        grace: int | None = None,
        reduction: int = REDUCTION,
    ) -> None:
        grace = math.ceil(budget / reduction**2) if grace is None else grace
        for name, value, least in (("grace", grace, 1), ("reduction", reduction, 2)):
            if value < least:
                raise ValueError(f"{name} = {value}; valid: integers, {least} or more")
        if not any(learned):
            raise ValueError("no objective changes with training, so no rung can tell anything")
        self._learned = np.asarray(learned, dtype=bool)
        self._reduction = reduction
        self._rungs: dict[int, dict[Hashable, Point]] = {}
        while grace < budget:
            self._rungs[grace] = {}
            grace *= reduction

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which trials are judged."""
        return tuple(self._rungs)

    def record(self, trial: Hashable, epoch: int, point: Point) -> None:
        """Note where a trial stands after an epoch, if there is a rung."""
        if epoch in self._rungs:
            self._rungs[epoch][trial] = point

    def goes_on(
        self,
        trial: Hashable,
        epoch: int,
        point: Point,
        rival: Callable[[Hashable], bool] = lambda other: True,
    ) -> bool:
        """Note where a trial stands after an epoch, and say whether it is worth training on.

        A trial is judged once at a rung; one that has been recorded there goes on.

        Args:
            trial: what tells it from others.
            epoch: how many it has been trained.
            point: where it stands.
            rival: which other trials it is compared with; by default all that have been here.
        """
        if epoch not in self._rungs or trial in self._rungs[epoch]:
            return True
        self.record(trial, epoch, point)
        points = [p for other, p in self._rungs[epoch].items() if other == trial or rival(other)]
        if len(points) < self._reduction:
            return True
        newcomer = len(points) - 1
        place = order(points, self._learned).tolist().index(newcomer)
        return bool(place < math.ceil(len(points) / self._reduction))


def order(points: Sequence[Point], learned: npt.NDArray[np.bool_]) -> Indices:
    """Return the indices of `points`, the best first, as the head of this module says."""
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
    return np.concatenate(parts)


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
