"""Which of some candidates is nearest to another one of their space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from .candidate import Candidate
from .domains import Value
from .space import SearchSpace


class Nearest:
    """Finds the held candidate that is nearest in the unit cube.

    Only candidates of the same cell and rule are near at all, where there is one; else those of the
    same rule, else all. Of these the one with the smallest

        Σ over ranges (u − v)² + number of other choices

    where u and v are shares of the way from the low to the high end of a range, on its own scale.
    Of equally near ones the first is taken.

    Args:
        space: of the candidates.
        held: those to choose from, in their order.
    """

    def __init__(self, space: SearchSpace, held: Sequence[Candidate]) -> None:
        self._space = space
        # What is fixed in the space is the same in all of its candidates.
        self._fixed = {name for name, domain in space.domains.items() if domain.size == 1}
        self._held = {candidate.key: candidate for candidate in held}
        self._groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for key, candidate in self._held.items():
            for group in _groups(candidate):
                self._groups[group].append(key)
        self._places: dict[str, tuple[dict[str, float], dict[str, Value]]] = {}
        self._known: dict[str, Candidate] = {}

    def of(self, candidate: Candidate) -> Candidate:
        """Return the held candidate that stands for `candidate`: itself, if it is held."""
        key = candidate.key
        if key in self._held:
            return self._held[key]
        if key not in self._known:
            found = self.besides(candidate, ())
            assert found is not None
            self._known[key] = found
        return self._known[key]

    def besides(self, candidate: Candidate, taken: Collection[str]) -> Candidate | None:
        """Return the nearest held candidate whose key is not taken; None where all are."""
        for group in _groups(candidate):
            if left := [key for key in self._groups[group] if key not in taken]:
                here = self._place(candidate.key, candidate)
                return self._held[min(left, key=lambda key: self._distance(here, key))]
        return None

    def _place(self, key: str, candidate: Candidate) -> tuple[dict[str, float], dict[str, Value]]:
        if key not in self._places:
            ranges = coordinates(self._space, candidate)
            same = ranges.keys() | self._fixed
            choices = {n: v for n, v in candidate.flat().items() if n not in same}
            self._places[key] = ranges, choices
        return self._places[key]

    def _distance(self, here: tuple[dict[str, float], dict[str, Value]], key: str) -> float:
        (ranges, choices), (others, other) = here, self._place(key, self._held[key])
        # In the order of the names, so that rounding is the same in every process.
        squares = sum((u - others[name]) ** 2 for name, u in ranges.items() if name in others)
        return squares + sum(v != other[name] for name, v in choices.items() if name in other)


def _groups(candidate: Candidate) -> tuple[tuple[str, ...], ...]:
    return (candidate.cell, candidate.rule), (candidate.rule,), ()


def coordinates(space: SearchSpace, candidate: Candidate) -> dict[str, float]:
    """Return where a candidate lies in each range of a space: name → share of the way, in [0, 1].

    Names that have an order only; choices are not among them.
    """
    places = {}
    for name, value in candidate.flat().items():
        domain = space.domains.get(name)
        low, high = getattr(domain, "low", None), getattr(domain, "high", None)
        if low is None or high is None or low == high:
            continue
        ends = np.array([low, value, high], dtype=float)
        first, here, last = np.log(ends) if getattr(domain, "log", False) else ends
        places[name] = float((here - first) / (last - first))
    return places
