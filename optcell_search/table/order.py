"""In which order a table takes up the candidates of a space: evenly, from the first one on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy.stats import qmc

from ..space import Candidate, SearchSpace, is_plain

# Points of the sequence that are looked at, in all, before what is left is taken as the grid has
# it; the candidates of a narrow corner of a space come by seldom.
_MOST_POINTS = 2**13


class CubePoint:
    """A point of the unit cube as an Optuna trial: the n-th question is answered by u_n.

    Among k choices or steps it answers the one numbered ⌊k u_n⌋, and else low + u_n (high − low),
    on a log scale where the range has one.

    Args:
        coordinates: u, each in [0, 1).
    """

    def __init__(self, coordinates: Sequence[float]) -> None:
        self._left = iter(coordinates)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of `choices`."""
        return choices[int(next(self._left) * len(choices))]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a number in [low, high]."""
        u = next(self._left)
        if step is not None:
            return low + step * int(u * (round((high - low) / step) + 1))
        return float(low * (high / low) ** u) if log else low + u * (high - low)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in [low, high]."""
        u = next(self._left)
        if log:
            return min(high, int(low * ((high + 1) / low) ** u))
        return low + step * int(u * ((high - low) // step + 1))


def low_discrepancy(space: SearchSpace) -> list[Candidate]:
    """Return every candidate of a space once, so that the first n of them are spread over it.

    First come the plain cells, by which others are measured: those that a search begins with, then
    all others (of every width and learning rate, say). Then comes what the points of a Sobol
    sequence (unscrambled, so that it is the same everywhere) stand for, as `CubePoint` reads them,
    and at last what these did not meet, in the order of the grid.

    Raises:
        ValueError: there is no end to the candidates of the space.
    """
    if space.size is None:
        raise ValueError(
            f"search space {space.name!r} has a continuous range; valid for a table: choices, "
            "integers and ranges with a step"
        )
    every = {candidate.key: candidate for candidate in space.grid(space.size)}
    found = {candidate.key: candidate for candidate in space.plain()}
    found |= {key: candidate for key, candidate in every.items() if is_plain(candidate)}
    # No more questions than names: cell, rule, and the hyperparameters of all of them.
    sequence = qmc.Sobol(2 + len(space.domains), scramble=False)
    for point in sequence.random(_MOST_POINTS):
        if len(found) == len(every):
            break
        candidate = space.suggest(CubePoint(point))
        found.setdefault(candidate.key, candidate)
    return list({**found, **every}.values())
