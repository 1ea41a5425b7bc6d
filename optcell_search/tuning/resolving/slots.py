"""How many candidates a worker trains side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from optcell_search.space import SearchSpace
from optcell_search.tasks import LoadedTask
from optcell_search.training import TIMED, form
from optcell_search.training.population.forms import family
from optcell_search.training.population.paying import paying

# Candidates that are drawn to see how alike those of a space are.
_DRAWN = 64
# scripts/benchmarks/results/population.md: with so many at once a step each is worth it.
_FEWEST = 3.0
# A sampler learns from what has ended; a search is to have so many generations at least.
_GENERATIONS = 5


def slots_of(
    asked: int | Literal["auto"],
    space: SearchSpace,
    task: LoadedTask,
    *,
    trainings: int,
    trials: int,
    workers: int,
    timed: bool,
    goals: Iterable[str],
    device: str,
) -> int:
    """Return how many trials a worker has side by side; 1: it trains one after the other.

    A trial of several trainings, its folds and repeats, is a population of its own already. Else
    ``"auto"`` goes by a rule and no clock: 16 at most, so few that the search is five generations
    long at least, and 1 where candidates do not pay (`paying`), have too few of their form beside
    them, or where a clock has a say: under a limit in time the first results are to come soon.

    Args:
        asked: by the user.
        space, task: what is searched, and on what.
        trainings: of each candidate.
        trials: there are to be; 0: nobody knows.
        workers: there are to be.
        timed: whether there is a limit in time.
        goals: metrics that are aimed at or bounded.
        device: that candidates are trained on.
    """
    if trainings > 1:
        return 1
    if asked != "auto":
        return min(asked, max(1, math.ceil(trials / workers))) if trials else asked
    if timed or not trials or device != "cpu" or any(name in TIMED for name in goals):
        return 1
    drawn = [space.sample(seed=number) for number in range(_DRAWN)]
    size = min(max(paying(one, task) for one in drawn), trials // (workers * _GENERATIONS))
    if size < _FEWEST:
        return 1
    together = 0
    for start in range(0, _DRAWN - size + 1, size):
        group = drawn[start : start + size]
        kinds = [(form(one), family(one)) for one in group if paying(one, task) > 1]
        together += sum(count * count for count in Counter(kinds).values())
    return size if together / (_DRAWN // size * size) >= _FEWEST else 1
