"""Successive halving by one objective or several at once: who goes on at a rung. No Ray.

At each rung, by default 1/9 and 1/3 of the budget, the trials seen there so far are put in an order
and the newcomer goes on if it is among the first third. The order:

1. trials that keep every constraint, then the others by how much they break;
2. front by front: a trial *dominates* another if it is no worse in any objective and better in one
   that training changes; the first front is what nothing dominates, and so on;
3. within a front an epsilon-net: the best in the first objective, then each time the trial that
   lies farthest from those already taken, so that both ends and then the middle are kept;
4. equals by what they cost, and where that is equal, too, or nothing has been learned, by lot.

Source: Schmucker et al. 2021, Multi-objective Asynchronous Successive Halving, arXiv 2106.12639.
Departures: what a candidate costs (its parameters) is known untrained and does not change, so it
alone is no ground for stopping a trial: where nobody has learned anything yet, small networks
would win every rung. Distances are between places in the order of each objective, not between
values, so that parameters count the same in thousands and in logarithms. A rung decides from its
third trial on. The first of several rungs does not tell those apart that have learned nothing:
where fewer have left chance than go on, who is still there goes on, too, to the next rung.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np

from .standing import Flags, Floats, Fronts, Tie

REDUCTION = 3


@dataclass(frozen=True)
class Point:
    """Where a trial stands at a rung.

    Attributes:
        losses: its objectives, turned so that less is better.
        violations: one a constraint, positive where it is broken.
        at_chance: whether it is known to have learned nothing so far.
        cost: parameters, say; of equals the cheaper one goes first.
        lot: a number from 0 to 1 that is drawn once for a trial; of equals that cost the same the
            lower one goes first. The order in which they come says nothing of them.
    """

    losses: tuple[float, ...]
    violations: tuple[float, ...] = ()
    at_chance: bool = False
    cost: float = 0.0
    lot: float = 0.0

    @property
    def tie(self) -> Tie:
        """What goes before what among equals."""
        # Where nothing has been learned small networks would win every tie.
        return (0.0 if self.at_chance else self.cost, self.lot)

    @property
    def is_known(self) -> bool:
        """Whether its objectives are numbers; such as never were any go on nowhere."""
        return all(map(math.isfinite, self.losses))

    @property
    def excess(self) -> Floats | None:
        """By how much each constraint is broken, 0 where it is kept; None where all are."""
        excess = np.maximum(self.violations, 0.0)
        return excess if excess.any() else None


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
        self._rungs: dict[int, _Rung] = {}
        while grace < budget:
            first_of_several = not self._rungs and grace * reduction < budget
            self._rungs[grace] = _Rung(self._learned, patient=first_of_several)
            grace *= reduction

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which trials are judged."""
        return tuple(self._rungs)

    def record(self, trial: Hashable, epoch: int, point: Point) -> None:
        """Note where a trial stands after an epoch, if there is a rung."""
        if epoch in self._rungs:
            self._rungs[epoch].add(trial, point)

    def goes_on(
        self,
        trial: Hashable,
        epoch: int,
        point: Point,
        rival: Callable[[Hashable], bool] | None = None,
    ) -> bool:
        """Note where a trial stands after an epoch, and say whether it is worth training on.

        A trial is judged once at a rung; one that has been recorded there goes on.

        Args:
            trial: what tells it from others.
            epoch: how many it has been trained. It is judged at the highest rung below or here, and
                there once: who tells every fifth epoch alone comes to a rung of 12 with 15.
            point: where it stands.
            rival: which other trials it is compared with, by default all that have been here.
        """
        reached = [rung for rung in self._rungs if rung <= epoch]
        if not reached or trial in (rung := self._rungs[reached[-1]]):
            return True
        goes_on = point.is_known and rung.lets_pass(point, self._reduction, rival)
        rung.add(trial, point)
        return goes_on


class _Rung:
    """The trials that have come to one rung.

    Those that keep every constraint and those that break one are ranked apart.

    Args:
        learned: for each objective, whether training changes it.
        patient: whether those at chance go on as long as fewer than go on have left it.
    """

    def __init__(self, learned: Flags, *, patient: bool) -> None:
        self._learned = learned
        self._patient = patient
        self._points: dict[Hashable, Point] = {}
        self._ranked: set[Hashable] = set()
        self._kept = Fronts(learned)
        self._broken: Fronts | None = None
        # Of those that keep every constraint, how many have left chance.
        self._away = 0

    def __contains__(self, trial: Hashable) -> bool:
        return trial in self._points

    def add(self, trial: Hashable, point: Point) -> None:
        """Take in a trial."""
        self._points[trial] = point

    def lets_pass(
        self, point: Point, reduction: int, rival: Callable[[Hashable], bool] | None
    ) -> bool:
        """Whether one that comes is among the first of its rivals and itself."""
        rivals = self._points.keys()
        self._rank({trial for trial in rivals if rival(trial)} if rival else rivals)
        count = len(self._ranked) + 1
        if count < reduction:
            return True
        room = math.ceil(count / reduction)
        if point.excess is None:
            if self._patient and point.at_chance and self._away < room:
                return True
            return self._kept.place(np.asarray(point.losses), room, point.tie) < room
        room -= len(self._kept)
        if room <= 0:
            return False
        return self._broken is None or self._broken.place(point.excess, room, point.tie) < room

    def _rank(self, rivals: Set[Hashable]) -> None:
        """Have the rivals among the ranked, and nobody else."""
        if len(rivals) == len(self._ranked) == len(self._points):
            return
        if not self._ranked <= rivals:
            # Rare: who has been a rival of one is one of all that come later, in every search.
            self._ranked, self._kept, self._broken = set(), Fronts(self._learned), None
            self._away = 0
        for trial in [trial for trial in self._unranked() if trial in rivals]:
            self._ranked.add(trial)
            point = self._points[trial]
            if point.excess is None:
                self._kept.add(np.asarray(point.losses), point.tie)
                self._away += not point.at_chance
            else:
                if self._broken is None:
                    self._broken = Fronts(np.ones(len(point.excess), dtype=np.bool_))
                self._broken.add(point.excess, point.tie)

    def _unranked(self) -> Iterator[Hashable]:
        """Those that have come since, which are the last ones: the newest first."""
        left = len(self._points) - len(self._ranked)
        newest = reversed(self._points)
        while left:
            trial = next(newest)
            if trial not in self._ranked:
                left -= 1
                yield trial
