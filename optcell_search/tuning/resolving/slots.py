"""How many candidates a worker trains side by side."""

from __future__ import annotations

import math
from typing import Literal


def slots_of(asked: int | Literal["auto"], *, trainings: int, trials: int, workers: int) -> int:
    """Return how many trials a worker has side by side; 1: it trains one after the other.

    A trial of several trainings, its folds and repeats, is a population of its own already. For
    ``"auto"`` it is 1: that a search ends sooner otherwise has been shown of one space of small
    networks alone (scripts/benchmarks/results/populated.md); a worker waits while the driver hears
    of all its trials and asks for new ones.

    Args:
        asked: by the user.
        trainings: of each candidate.
        trials: there are to be; 0: nobody knows.
        workers: there are to be.
    """
    if trainings > 1 or asked == "auto":
        return 1
    return min(asked, max(1, math.ceil(trials / workers))) if trials else asked
