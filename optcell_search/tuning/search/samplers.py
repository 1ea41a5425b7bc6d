"""What chooses the next candidate: Optuna's samplers, and the grid."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable

from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from optcell_search.space import Candidate, SearchSpace

from ...ledger.request import Request

_GRID_POINTS = 3
# The largest space that is gone through candidate by candidate.
_COUNTABLE = 2000
_ENDLESS = 10**7


def make_sampler(request: Request, number: int, attempt: int = 0) -> BaseSampler:
    """Return the sampler that chooses trial `number`.

    It is made anew for every trial, with a seed of the trial's own, so that what it suggests
    depends on what the ledger holds and on nothing that a crash could lose.

    Args:
        request: of the run.
        number: of the trial.
        attempt: how many of its suggestions have been refused.
    """
    text = (f"{request.seed}:{number}" + (f":{attempt}" if attempt else "")).encode()
    trials = request.num_trials or _ENDLESS
    seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    # Optuna's ten at random would be most of a short search.
    startup = min(10, max(3, trials // 4))
    if request.sampler == "tpe":
        return TPESampler(seed=seed, n_startup_trials=startup)
    if request.sampler == "gp":
        # What only some rules or cells have is drawn by itself, and that is no news to anybody.
        return GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
    if request.sampler == "nsga2":
        # Optuna's 50 a generation would leave a short search without a second one.
        population = min(50, max(4, trials // 4))
        return NSGAIISampler(seed=seed, population_size=population)
    return RandomSampler(seed=seed)


def grid(request: Request, space: SearchSpace | None = None) -> list[Candidate]:
    """Return the grid over the space, each candidate once, in an order set by the run's seed.

    Shuffled, because a search may be too short for the whole of it.
    """
    candidates = known(space or request.search_space, "grid")
    random.Random(request.seed).shuffle(candidates)
    return candidates


def known(space: SearchSpace, sampler: str) -> list[Candidate]:
    """Return what a search chooses from, each once: a grid or `everything`."""
    return _unique(space.grid(_GRID_POINTS)) if sampler == "grid" else everything(space)


def everything(space: SearchSpace, most: float | None = None) -> list[Candidate]:
    """Return every candidate of a space, each once; nothing where they are endless or too many.

    Args:
        space: the search space.
        most: how many are not too many; None: as many as a search takes the time to go through.
    """
    if space.size is None or space.size > (_COUNTABLE if most is None else most):
        return []
    return _unique(space.grid(space.size))


def _unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    return list({candidate.key: candidate for candidate in candidates}.values())
