"""The ledger of a run: one trial a candidate, in an Optuna study that is always true.

Every change is written whole before the next thing happens, and writing it twice changes nothing:
what is COMPLETE, PRUNED or FAIL stays so, and `requeue` takes what was RUNNING up again.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Container, Iterator, Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from optcell_search.space import Candidate, SearchSpace

from . import format as stored
from .constraints import Constraint
from .request import Request
from .storage.lock import locked
from .storage.passwords import without_password
from .storage.storage import LedgerStorage
from .trials import ending, enqueued
from .trials.counts import TrialCounts
from .trials.ending import NOTHING, Beside, was_cut
from .trials.in_memory import InMemoryStudy
from .trials.reasons import DIVERGED, GIVEN_UP, is_cut
from .trials.reuse import ReusableResults
from .trials.running_trial import RunningTrial

Metrics = Mapping[str, float]


class Ledger:
    """The study of one run, where it stands, and all that is written into it.

    Args, of which it keeps the first two:
        request: what the run was asked to do.
        study: the run's study.
        storage: where that lies.

    Attributes:
        counts: how many trials there are in each state.
        cut: how many of them ended because the search did, so that none is a result.
    """

    def __init__(self, request: Request, study: optuna.Study, storage: LedgerStorage) -> None:
        self.request = request
        self.study = study
        self._storage = storage
        self._constraints = [Constraint.stored(text) for text in request.constraints]
        self._study_id = storage.optuna.get_study_id_from_name(request.run_id)
        # Optuna's own numbers of the trials, which it wants to be asked by.
        self._ids: list[int] = []
        self._open: dict[int, RunningTrial] = {}
        # Those that another process has in hand; they are none of the trials of this search.
        self._others: set[int] = set()
        self._reusable = ReusableResults()
        self.cut = 0
        self.counts = TrialCounts()
        for trial in self.trials():
            self._ids.append(trial._trial_id)
            self.counts[trial.state] += 1
            self.cut += was_cut(trial)
            self._reusable.read(trial)
        self._in_memory = self._read_in()

    def _read_in(self) -> InMemoryStudy:
        return InMemoryStudy(list(self.request.objectives.values()), self._own())

    def _own(self) -> list[FrozenTrial]:
        taken_in = self.trials()[: self.size]
        return [trial for trial in taken_in if trial.number not in self._others]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock a study outside the run folder; raises a ValueError where another process works."""
        lock = locked(self._storage, self.request.run_id) if self.request.study else None
        with lock or contextlib.nullcontext():
            yield

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.close()

    def trials(self) -> list[FrozenTrial]:
        """Return all trials by number; not to be changed."""
        return self.study.get_trials(deepcopy=False)

    @property
    def size(self) -> int:
        """How many trials there are, in whatever state."""
        return len(self._ids)

    @property
    def missing(self) -> int:
        """How many trials still have to be asked for and finished; what was cut is no result."""
        asked = self.request.num_trials
        return self.counts.missing(asked + self.cut if asked else 0)

    @property
    def unfinished(self) -> int:
        """How many of the trials asked for have no result yet."""
        return self.missing + self.counts[TrialState.RUNNING]

    def is_feasible(self, metrics: Metrics) -> bool:
        """Whether `metrics` keep every constraint of the request."""
        return all(constraint.violation(metrics) <= 0 for constraint in self._constraints)

    def note(self, name: str, value: Any) -> None:
        """Write down something about the whole run."""
        self.study.set_user_attr(name, value)
        self._storage.flush()

    def give_up(self, number: int) -> None:
        """Make a trial that is WAITING FAIL, as the user asks for."""
        enqueued.fail(self._storage.optuna, self._ids[number], GIVEN_UP)
        self.counts.move(TrialState.WAITING, TrialState.FAIL)
        self._in_memory = self._read_in()

    def requeue(self) -> None:
        """Put every trial that is RUNNING back in the queue."""
        for trial in self._own():
            if trial.state == TrialState.RUNNING:
                self._storage.optuna.set_trial_state_values(trial._trial_id, TrialState.WAITING)
                self.counts.move(TrialState.RUNNING, TrialState.WAITING)
        self._open.clear()
        # Made anew: Optuna's storage in memory does not look back at trials that have run.
        self._in_memory = self._read_in()

    def ask(
        self,
        space: SearchSpace,
        sampler: BaseSampler,
        fixed: Candidate | None = None,
        tried: Container[str] = (),
        apart: bool = False,
    ) -> RunningTrial | Candidate | None:
        """Start the next trial: one from the queue, or else a new candidate.

        The queue also holds what a user has put into the study by Optuna's ``enqueue_trial``.

        Args:
            space: the search space.
            sampler: what chooses a new candidate.
            fixed: what a new candidate is to be, instead of the sampler's choice.
            tried: keys that a new candidate must not have.
            apart: whether `fixed` lies outside the space: it has no parameters then.

        Returns:
            The trial; a candidate: the sampler's choice, which has been tried and is written
            nowhere; None: the next one does not fit the space and FAILed, or others have it by now.
        """
        self._take_in(self._storage.optuna.get_n_trials(self._study_id))
        trial, number = self._in_memory.ask(sampler, fixed)
        if number is None:
            suggested = fixed if apart and fixed else space.suggest(trial)
            candidate = fixed or suggested  # which may be what the space does not leave open
            if candidate.key in tried:
                self._in_memory.drop(trial)
                return candidate
            running: RunningTrial | None = self._enter(trial, candidate)
        else:
            running = self._take_up(number, trial, space)
        if running is not None:
            self._open[running.number] = running
        return running

    def _take_in(self, count: int) -> None:
        """Take in what others have written, up to `count` trials; what they run stays theirs."""
        if count <= self.size:
            return
        for trial in self.trials()[self.size : count]:
            self._ids.append(trial._trial_id)
            if trial.state == TrialState.RUNNING:
                self._others.add(trial.number)
            else:
                self.counts[trial.state] += 1
                self._in_memory.add(trial)

    def _take_up(self, number: int, trial: Trial, space: SearchSpace) -> RunningTrial | None:
        storage, identity = self._storage.optuna, self._ids[number]
        if not enqueued.claim(storage, identity):
            self._in_memory.tell(number, TrialState.FAIL, None, {})
            self.counts[TrialState.WAITING] -= 1
            self._others.add(number)
            return None
        known = enqueued.take_up(storage, identity)
        if not RunningTrial.is_whole(known, self.request.trainings):
            try:
                candidate = enqueued.suggested(space, trial, self._in_memory.enqueued(number))
            except ValueError as error:
                self._in_memory.tell(number, TrialState.FAIL, None, {})
                enqueued.fail(storage, identity, f"not in the space: {str(error).splitlines()[0]}")
                self.counts.move(TrialState.WAITING, TrialState.FAIL)
                return None
            known = self._stored(candidate)
            enqueued.adopt(storage, identity, trial, known)
        self.counts.move(TrialState.WAITING, TrialState.RUNNING)
        return RunningTrial.read(number, known)

    def _enter(self, trial: Trial, candidate: Candidate) -> RunningTrial:
        storage = self._storage.optuna
        template = self._in_memory.template(trial.number)
        template.user_attrs = self._stored(candidate)
        identity = storage.create_new_trial(self._study_id, template)
        number = storage.get_trial_number_from_id(identity)
        # Somebody else may have written between the look and this.
        self._take_in(number)
        self._ids.append(identity)
        self._in_memory.number(trial.number, number)
        self.counts.move(None, TrialState.RUNNING)
        return RunningTrial.read(number, template.user_attrs, candidate)

    def _stored(self, candidate: Candidate) -> dict[str, Any]:
        return RunningTrial.attributes(candidate, self.request.seed, self.request.trainings)

    def reusable(self, trial: RunningTrial) -> int | None:
        """Return the number of a trial of the same candidate and seed whose result can be used."""
        return self._reusable.find(trial.key, trial.seeds[0])

    def report(self, number: int, epoch: int, metrics: Metrics, worker: str = "") -> None:
        """Write the metrics of an epoch of a running trial."""
        trial = self._open.get(number)
        if trial is None or epoch in trial.epochs:
            return
        storage, identity = self._storage.optuna, self._ids[number]
        if worker and not trial.epochs:
            storage.set_trial_user_attr(identity, "worker", worker)
        objective = next(iter(self.request.objectives))
        if len(self.request.objectives) == 1 and math.isfinite(metrics[objective]):
            storage.set_trial_intermediate_value(identity, epoch, metrics[objective])
            self._in_memory.report(number, epoch, metrics[objective])
        # Last, for this is what says that the epoch is written.
        storage.set_trial_user_attr(identity, stored.epoch_key(epoch), dict(metrics))
        trial.epochs.add(epoch)

    def widen(self, number: int, gpus: float) -> None:
        """Write down that a running trial needs a larger share of a GPU."""
        self._open[number].gpus = gpus
        self._storage.optuna.set_trial_user_attr(self._ids[number], "gpus", gpus)

    def complete(self, number: int, metrics: Metrics, beside: Beside = NOTHING) -> None:
        """Finish a trial with its last metrics; one that is not finite makes it FAIL."""
        values = [metrics[name] for name in self.request.objectives]
        for name, value in zip(self.request.objectives, values, strict=True):
            if not math.isfinite(value):
                self.fail(number, DIVERGED, f"{name} is {value}")
                return
        self._finish(number, TrialState.COMPLETE, beside.stored(metrics), values)

    def prune(self, number: int, metrics: Metrics, beside: Beside = NOTHING) -> None:
        """Finish a trial that a scheduler stopped early, or the end of the search."""
        self._finish(number, TrialState.PRUNED, beside.stored(metrics))

    def fail(self, number: int, reason: str, detail: str = "") -> None:
        """Finish a trial that has no result.

        Args:
            number, reason: of the trial, and a short text to group by, such as ``diverged``.
            detail: what else is known, such as a traceback.
        """
        said = {stored.REASON: without_password(reason), stored.DETAIL: without_password(detail)}
        self._finish(number, TrialState.FAIL, said)

    def copy(self, number: int, source: int) -> None:
        """Finish a trial with the result of another one of the same candidate and seed."""
        if number not in self._open:
            return
        other = self.trials()[source]
        self._storage.optuna.set_trial_user_attr(self._ids[number], stored.DUPLICATE_OF, source)
        for epoch, metrics in stored.epochs_in(other.user_attrs).items():
            self.report(number, epoch, metrics)
        found = {name: other.user_attrs.get(name) for name in stored.RESULTS}
        complete = other.state == TrialState.COMPLETE
        self._finish(number, other.state, found, other.values if complete else None)

    def _finish(
        self,
        number: int,
        state: TrialState,
        found: Mapping[str, Any],
        values: list[float] | None = None,
    ) -> None:
        trial = self._open.pop(number, None)
        if trial is None:
            return
        metrics = found.get(stored.METRICS)
        violations = {str(c): c.violation(metrics) for c in self._constraints if metrics}
        before = self._in_memory.system_attributes(number)
        told = self._in_memory.tell(number, state, values, violations)
        ending.write(self._storage.optuna, self._ids[number], found, told, before)
        self._storage.flush()
        self.counts.move(TrialState.RUNNING, state)
        reason = found.get(stored.REASON) or ""
        self.cut += is_cut(reason)
        self._reusable.add(number, trial.key, trial.seeds[0], state, reason)
