"""The ledger's study once more, in memory, for the sampler to look at.

A sampler reads all trials for every hyperparameter it suggests and writes each suggestion down. On
a database that is dozens of transactions a candidate; here it is none, and the ledger then takes
the finished trial as a whole.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from optcell_search.space import Candidate

from ...pareto import Direction, ranks
from .enqueued import FIXED_PARAMS

# TPE models the 25 best trials or fewer, and all others, the older the less; for each
# hyperparameter it goes through all it sees. What it sees is bounded, and so is the time it takes.
_BEST = 250
_NEWEST = 250


class _Window(InMemoryStorage):
    """A storage in memory that can keep trials from being seen all at once.

    Attributes:
        hidden: numbers of the trials that are not to be seen.
        apart: likewise, of those that have ended and lie outside the space: samplers go by what all
            trials have in common, and with them that would be nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden: frozenset[int] = frozenset()
        self.apart: set[int] = set()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy, states)
        unseen = self.hidden | self.apart
        return [t for t in trials if t.number not in unseen] if unseen else trials


class InMemoryStudy:
    """A study in memory with the same trials as the ledger.

    It numbers them as they come in; the ledger, into which others may write as well, has numbers
    of its own. Methods take those of the ledger.

    Args:
        directions: one an objective.
        trials: the ledger's trials; those that are RUNNING are taken as WAITING.
    """

    def __init__(self, directions: Sequence[Direction], trials: Sequence[FrozenTrial]) -> None:
        # A storage of its own counts from 0, so here the id of a trial is its number.
        self._storage = _Window()
        self._directions = directions
        self._study = optuna.create_study(storage=self._storage, directions=directions)
        self._open: dict[int, Trial] = {}
        # Own number → that of the ledger, and back.
        self._numbers: dict[int, int] = {}
        self._own: dict[int, int] = {}
        self._dropped = 0
        # What all trials share, for TPE to model jointly. A sampler is made anew for every trial
        # and would go through all of them; this goes on from where it was, to the same result.
        self._shared = IntersectionSearchSpace(include_pruned=True)
        for trial in trials:
            self.add(trial)

    def add(self, trial: FrozenTrial) -> None:
        """Take in a trial of the ledger."""
        own = len(self._numbers) + self._dropped
        self.number(own, trial.number)
        self._study.add_trial(_copy(trial))
        self._note(own, trial)

    def drop(self, trial: Trial) -> None:
        """Let go of a new trial that the ledger is not to hold."""
        del self._open[trial.number]
        self._storage.set_trial_state_values(trial.number, TrialState.FAIL)
        self._dropped += 1

    def number(self, own: int, number: int) -> None:
        """Note the number that a trial has in the ledger."""
        self._numbers[own], self._own[number] = number, own

    def ask(self, sampler: BaseSampler, fixed: Candidate | None = None) -> tuple[Trial, int | None]:
        """Start the first trial that is WAITING, or else `fixed`, or else what is suggested.

        Returns:
            The trial, and its number in the ledger; None: it is new, and `number` has to be told.
        """
        self._study.sampler = sampler
        self._storage.hidden = frozenset()
        if isinstance(sampler, TPESampler):
            self._storage.hidden = self._superfluous()
            if not self._storage.hidden:
                sampler._search_space = self._shared
        if fixed is not None:
            waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            if not waiting:
                self._study.enqueue_trial(dict(fixed.flat()))
        trial = self._study.ask()
        self._open[trial.number] = trial
        return trial, self._numbers.get(trial.number)

    def _superfluous(self) -> frozenset[int]:
        """Return the numbers of the trials that are neither among the best nor among the newest."""
        told = self._study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)
        )
        old = told[:-_NEWEST]
        # A trial that breaks a constraint or was stopped is as good as any other of its kind.
        ranked = [
            trial
            for trial in old
            if trial.state == TrialState.COMPLETE
            and all(violation <= 0 for violation in trial.constraints.values())
        ]
        fronts = ranks([trial.values for trial in ranked], self._directions)
        best = {ranked[i].number for i in np.argsort(fronts, kind="stable")[:_BEST]}
        return frozenset(trial.number for trial in old if trial.number not in best)

    def system_attributes(self, number: int) -> dict[str, Any]:
        """Return what Optuna has noted about a trial."""
        return dict(self._storage.get_trial(self._own[number]).system_attrs)

    def enqueued(self, number: int) -> dict[str, Any]:
        """Return what a trial is to be, of those that somebody put in by ``enqueue_trial``."""
        return dict(self.system_attributes(number).get(FIXED_PARAMS, {}))

    def template(self, own: int) -> FrozenTrial:
        """Return what is to be written into the ledger about a trial of this number of ours."""
        trial = self._storage.get_trial(own)
        system = {key: value for key, value in trial.system_attrs.items() if key != FIXED_PARAMS}
        return create_trial(
            state=TrialState.RUNNING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=system,
        )

    def report(self, number: int, epoch: int, value: float) -> None:
        """Note an intermediate value."""
        self._storage.set_trial_intermediate_value(self._own[number], epoch, value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] | None,
        violations: Mapping[str, float],
    ) -> FrozenTrial:
        """Finish a trial as Optuna does; return it."""
        own = self._own[number]
        trial = self._open.pop(own)
        written = self._storage.get_trial(own).constraints
        for name, violation in violations.items():
            # Optuna refuses a second value, and the driver may have died right after the first.
            if name not in written:
                trial.set_constraint(name, violation)
        told = self._study.tell(own, values, state=state)
        self._note(own, told)
        return told

    def _note(self, own: int, trial: FrozenTrial) -> None:
        if trial.state.is_finished() and not trial.params:
            self._storage.apart.add(own)


def _copy(trial: FrozenTrial) -> FrozenTrial:
    state = TrialState.WAITING if trial.state == TrialState.RUNNING else trial.state
    inside = _is_inside(trial)
    return create_trial(
        state=state,
        values=trial.values,
        params=trial.params if inside else {},
        distributions=trial.distributions if inside else {},
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
    )


def _is_inside(trial: FrozenTrial) -> bool:
    """Return whether every parameter of a trial is one that its distribution may give.

    Plain Optuna writes down what was enqueued out of range, and so did this ledger before it was
    refused; such a trial stays readable, but is nothing for a sampler to go by.
    """
    return all(
        kind._contains(kind.to_internal_repr(trial.params[name]))
        for name, kind in trial.distributions.items()
    )
