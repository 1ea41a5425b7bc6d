"""Which candidate of a table stands for one that it does not hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..space import Candidate, SearchSpace
from .order import coordinates


class Nearest:
    """Finds the held candidate that is nearest in the unit cube.

    Only candidates of the same cell and rule are near at all, where there is one; else those of the
    same rule, else all. Of these the one with the smallest

        Σ over ranges (u − v)² + number of other choices

    where u and v are shares of the way from the low to the high end of a range, on its own scale.
    Of equally near ones the first of the table is taken.

    Args:
        space: of the table.
        held: its candidates, in their order.
    """

    def __init__(self, space: SearchSpace, held: Sequence[Candidate]) -> None:
        self._space = space
        self._held = {candidate.key: candidate for candidate in held}
        self._groups: defaultdict[tuple[str, ...], list[Candidate]] = defaultdict(list)
        for candidate in held:
            for group in _groups(candidate):
                self._groups[group].append(candidate)
        self._known: dict[str, Candidate] = {}

    def of(self, candidate: Candidate) -> Candidate:
        """Return the held candidate that stands for `candidate`: itself, if it is held."""
        key = candidate.key
        if key in self._held:
            return self._held[key]
        if key not in self._known:
            groups = (self._groups[group] for group in _groups(candidate))
            near = next(group for group in groups if group)
            self._known[key] = min(near, key=lambda other: self._distance(candidate, other))
        return self._known[key]

    def _distance(self, one: Candidate, other: Candidate) -> float:
        here, there = coordinates(self._space, one), coordinates(self._space, other)
        squares = sum((here[name] - there[name]) ** 2 for name in here.keys() & there.keys())
        mine, its = one.flat(), other.flat()
        apart = (mine.keys() & its.keys()) - here.keys()
        return squares + sum(mine[name] != its[name] for name in apart)


def _groups(candidate: Candidate) -> tuple[tuple[str, ...], ...]:
    return (candidate.cell, candidate.rule), (candidate.rule,), ()
