"""Which candidate comes next: one to be tried first, or the grid's or sampler's. No Ray."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from optcell_search.space import Candidate, SearchSpace
from optcell_search.space.nearest import Nearest

from ...ledger.ledger import Ledger
from ...ledger.request import Request
from ...ledger.trials.ending import was_cut
from ...ledger.trials.running_trial import RunningTrial
from . import samplers
from .warm_start import WarmStart

# Suggestions of a sampler that may be refused before another way is tried.
_ATTEMPTS = 10
# Those that suggest what they take for good, for which its neighbour is likely to be good, too.
# NSGA-II is asked again: what it has not bred itself is in none of its generations.
_BY_MODEL = ("tpe", "gp")

MakeSampler = Callable[[Request, int, int], BaseSampler]


class CandidateQueue:
    """Asks the ledger for candidates that have not been tried, as far as there are any.

    What a sampler suggests and has been tried is refused. Where a sampler goes by a model and all
    candidates can be counted, the nearest one that has not been tried comes instead
    (`space.nearest`); else the sampler is asked again, and after ten refusals any other is taken.

    Args:
        ledger: of the run.
        space: what is searched of it; None: the search space of the run.
        make_sampler: from request, number of the trial and refused suggestions to what chooses it.
        most: how many candidates can be counted; None: as many as `samplers.everything` counts.
    """

    def __init__(
        self,
        ledger: Ledger,
        space: SearchSpace | None = None,
        make_sampler: MakeSampler = samplers.make_sampler,
        most: float | None = None,
    ) -> None:
        self._ledger = ledger
        self._request = ledger.request
        self._make_sampler = make_sampler
        self._space = ledger.request.search_space if space is None else space
        mine = [trial for trial in ledger.trials() if "key" in trial.user_attrs]
        self._tried = {trial.user_attrs["key"] for trial in mine if not was_cut(trial)}
        self._warm_start = WarmStart(ledger, self._space)
        first = [Candidate.from_dict(one) for one in ledger.request.first]
        # What the end of an earlier part of the search cut comes to its own end in this one.
        cut = [Candidate.from_dict(one.user_attrs["candidate"]) for one in mine if was_cut(one)]
        self._first = (*self._warm_start.mixtures.values(), *first, *cut)
        self._is_grid = ledger.request.sampler == "grid"
        every = (
            samplers.grid(self._request, self._space) if self._is_grid else self._everything(most)
        )
        self._all = {candidate.key: candidate for candidate in every}
        self._rest = deque(self._all)
        self._refused = 0
        self._instead: Candidate | None = None
        by_model = ledger.request.sampler in _BY_MODEL and self._all
        self._nearest = Nearest(self._space, list(self._all.values())) if by_model else None

    def _everything(self, most: float | None) -> list[Candidate]:
        candidates = samplers.everything(self._space, most)
        random.Random(self._request.seed).shuffle(candidates)
        return candidates

    @property
    def exhausted(self) -> bool:
        """Whether the grid has no further candidate, and none is to be tried before it."""
        waiting = self._ledger.counts[TrialState.WAITING]
        return self._is_grid and not waiting and self._chosen() is None

    @property
    def used_up(self) -> str:
        """That every candidate there is has been tried, in words; empty where it is not so."""
        count = len(self._all)
        if not count or not self._all.keys() <= self._tried:
            return ""
        what = "grid" if self._is_grid else "space"
        return f"the {what} is used up: {count} of {count} candidates"

    @property
    def waits(self) -> bool:
        """Whether what comes next has still to be read off a mixture that is in training."""
        if not self._warm_start.in_training or self._ledger.counts[TrialState.WAITING]:
            return False
        return all(candidate.key in self._tried for candidate in self._first)

    def keeps(self, trial: RunningTrial) -> bool:
        """Whether no scheduler is to stop a trial."""
        return self._warm_start.keeps(trial.key)

    def ask(self) -> RunningTrial | None:
        """Start the next trial; None: what came has been refused, ask again."""
        waiting = self._ledger.counts[TrialState.WAITING]
        fixed = None if waiting else self._chosen()
        # Where candidates are endless and the sampler insists, its choice is taken as it is.
        insists = self._refused >= _ATTEMPTS
        sampler = self._make_sampler(self._request, self._ledger.size, self._refused)
        tried = () if insists else self._tried
        apart = fixed is not None and fixed.key in self._warm_start.mixtures
        found = self._ledger.ask(self._space, sampler, fixed, tried, apart=apart)
        if isinstance(found, Candidate):
            self._refused += 1
            self._instead = self._nearest.besides(found, self._tried) if self._nearest else None
            return None
        if found is not None:
            self._tried.add(found.key)
            self._refused, self._instead = 0, None
        return found

    def _chosen(self) -> Candidate | None:
        """Return what the next trial is to be; None: what the sampler suggests."""
        for candidate in (*self._first, *self._warm_start.candidates):
            if candidate.key not in self._tried:
                return candidate
        if self._instead is not None:
            return self._instead
        if self._is_grid or self._refused >= _ATTEMPTS:
            return self._peek()
        return None

    def _peek(self) -> Candidate | None:
        """Return the first of all candidates that has not been tried."""
        while self._rest and self._rest[0] in self._tried:
            self._rest.popleft()
        return self._all[self._rest[0]] if self._rest else None
