"""How many candidates a worker trains side by side."""

from __future__ import annotations

import math
from collections import Counter

from optcell_search.space import SearchSpace
from optcell_search.tasks import LoadedTask
from optcell_search.training import form
from optcell_search.training.population.paying import paying

# scripts/benchmarks/results/populated.md: of two forms a search still gains.
_MOST_FORMS = 2.0
# Of all trials at most this share begins before any has an end that the sampler could learn from.
_SHARE_AT_ONCE = 0.25
# Fewer share too little.
_LEAST = 4
_DRAWN = 64


def slots_of(asked: int, *, trainings: int, trials: int, workers: int) -> int:
    """Return how many trials a worker has side by side; 1: it trains one after the other.

    A trial of several trainings, its folds and repeats, is a population of its own already.

    Args:
        asked: by the user.
        trainings: of each candidate.
        trials: there are to be; 0: nobody knows.
        workers: there are to be.
    """
    if trainings > 1:
        return 1
    return min(asked, max(1, math.ceil(trials / workers))) if trials else asked


def automatic_slots(
    space: SearchSpace, task: LoadedTask, *, trainings: int, trials: int, workers: int
) -> int:
    """Return how many trials a worker has side by side where nobody said it.

    What is shared is shared among candidates of one form, so several are taken where every one of
    64 candidates drawn from the space is small enough for that to pay, and where they are of few
    forms: 1 / Σ p² ≤ 2, p being the share of a form among them. They are as many as pay, no more
    than a quarter of all trials at a time, and 4 at least or one. The answer is the same on every
    machine with as many workers.

    Args:
        space, task: of the search.
        trainings, trials, workers: as of `slots_of`.
    """
    if trainings > 1:
        return 1
    drawn = [space.sample(seed) for seed in range(_DRAWN)]
    forms = Counter(form(candidate) for candidate in drawn)
    if _DRAWN**2 / sum(count**2 for count in forms.values()) > _MOST_FORMS:
        return 1
    pay = min(paying(candidate, task) for candidate in drawn)
    slots = min(pay, int(_SHARE_AT_ONCE * trials / workers))
    return slots if slots >= _LEAST else 1
