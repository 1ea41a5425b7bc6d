"""What chooses the next candidate: Optuna's samplers, and the grid."""

from __future__ import annotations

import hashlib
import random

from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from optcell_search.space import Candidate

from ...ledger.request import Request

_GRID_POINTS = 3


def make_sampler(request: Request, number: int) -> BaseSampler:
    """Return the sampler that chooses trial `number`.

    It is made anew for every trial, with a seed of the trial's own, so that what it suggests
    depends on what the ledger holds and on nothing that a crash could lose.
    """
    text = f"{request.seed}:{number}".encode()
    seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    if request.sampler == "tpe":
        # Optuna's ten at random would be most of a short search.
        startup = min(10, max(3, request.num_trials // 4))
        return TPESampler(seed=seed, n_startup_trials=startup)
    if request.sampler == "nsga2":
        # Optuna's 50 a generation would leave a short search without a second one.
        population = min(50, max(4, request.num_trials // 4))
        return NSGAIISampler(seed=seed, population_size=population)
    return RandomSampler(seed=seed)


def grid(request: Request) -> list[Candidate]:
    """Return the grid over the space, each candidate once, in an order set by the run's seed.

    Shuffled, because a search may be too short for the whole of it.
    """
    unique = {candidate.key: candidate for candidate in request.search_space.grid(_GRID_POINTS)}
    candidates = list(unique.values())
    random.Random(request.seed).shuffle(candidates)
    return candidates
