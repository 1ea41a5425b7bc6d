"""The ledger of a run: one row a candidate, in an Optuna study that is always true.

A row appears whole, every change is written before the next thing happens, and writing it twice
changes nothing, so a process may die anywhere: what is COMPLETE, PRUNED or FAIL stays so, and what
was RUNNING goes back in the queue (`requeue`) with its candidate and the epochs it has reported.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from optcell_search.space import Candidate, SearchSpace, trial_seed

from .constraints import Constraint
from .hold import held
from .mirror import Mirror
from .reasons import DIVERGED
from .request import Request
from .row import Row
from .settled import Settled
from .storage import DATABASE, LedgerStorage, StorageFault, quiet_optuna

Metrics = Mapping[str, float]


@contextlib.contextmanager
def _closed_on_failure(storage: LedgerStorage) -> Iterator[None]:
    """Let go of a storage that turns out to hold no ledger."""
    try:
        yield
    except ValueError:
        storage.close()
        raise


class Ledger:
    """The ledger of one run.

    Args:
        request: what the run was asked to do.
        storage: where the ledger lies; it holds the run's study.

    Raises:
        ValueError: the storage does not answer, or holds no such study.
    """

    def __init__(self, request: Request, storage: LedgerStorage) -> None:
        quiet_optuna()
        self.request = request
        self._storage = storage
        try:
            self.study = optuna.load_study(study_name=request.run_id, storage=storage.optuna)
            if "request" not in self.study.user_attrs:
                self.study.set_user_attr("run_id", request.run_id)
                self.study.set_user_attr("request", request.to_dict())
        except KeyError as error:
            # Made anew it would be empty, and what was trained so far would be trained again.
            raise ValueError(f"study {storage}: holds no study {request.run_id!r}") from error
        except StorageFault as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"study {storage}: cannot be used: {first}") from error
        self._constraints = [Constraint.stored(text) for text in request.constraints]
        self._study_id = storage.optuna.get_study_id_from_name(request.run_id)
        self._ids: list[int] = []
        self._open: dict[int, Row] = {}
        self._settled = Settled()
        self.counts: Counter[TrialState] = Counter()
        for trial in self.trials():
            self._ids.append(trial._trial_id)
            self.counts[trial.state] += 1
            known = trial.user_attrs
            self._settled.add(
                trial.number, known["key"], known["seed"], trial.state, known.get("reason", "")
            )
        self._mirror = self._make_mirror()

    @classmethod
    def make(cls, request: Request, folder: Path) -> Ledger:
        """Make the ledger of a new run, in its folder or where its request says.

        Raises:
            ValueError: the storage does not answer, or holds a study of this name already.
        """
        storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
        quiet_optuna()
        directions = list(request.objectives.values())
        with _closed_on_failure(storage):
            try:
                optuna.create_study(
                    study_name=request.run_id, storage=storage.optuna, directions=directions
                )
            except (*StorageFault, DuplicatedStudyError) as error:
                first = str(error).splitlines()[0]
                raise ValueError(f"study {storage}: cannot be made: {first}") from error
            return cls(request, storage)

    @classmethod
    def of_folder(cls, request: Request, folder: Path) -> Ledger:
        """Open the ledger of a run folder, wherever its request says it lies.

        Raises:
            ValueError: the storage does not answer, or the run's study is not in it.
        """
        if not request.study and not (folder / DATABASE).is_file():
            raise ValueError(f"{folder}: the ledger {DATABASE} is missing")
        storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
        with _closed_on_failure(storage):
            return cls(request, storage)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the study against other processes; raises a ValueError when another one does."""
        # What lies in the run folder is held by the folder's own lock.
        holding = held(self._storage, self.request.run_id) if self.request.study else None
        with holding or contextlib.nullcontext():
            yield

    def _make_mirror(self) -> Mirror:
        return Mirror(list(self.request.objectives.values()), self.trials())

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.close()

    def trials(self) -> list[FrozenTrial]:
        """Return all rows by number; not to be changed."""
        return self.study.get_trials(deepcopy=False)

    @property
    def rows(self) -> int:
        """How many rows there are, in whatever state."""
        return len(self._ids)

    @property
    def missing(self) -> int:
        """How many rows still have to be asked for and finished."""
        waiting = self.counts[TrialState.WAITING]
        return max(0, self.request.num_trials - self.rows) + waiting

    @property
    def unfinished(self) -> int:
        """How many of the rows asked for have no result yet."""
        return self.missing + self.counts[TrialState.RUNNING]

    @property
    def next_number(self) -> int:
        """The number of the row that `ask` would start."""
        if self.counts[TrialState.WAITING]:
            waiting = (t.number for t in self.trials() if t.state == TrialState.WAITING)
            return min(waiting)
        return self.rows

    def is_feasible(self, metrics: Metrics) -> bool:
        """Whether `metrics` keep every constraint of the request."""
        return all(constraint.violation(metrics) <= 0 for constraint in self._constraints)

    def requeue(self) -> None:
        """Put every row that is RUNNING back in the queue."""
        for trial in self.trials():
            if trial.state == TrialState.RUNNING:
                self._storage.optuna.set_trial_state_values(trial._trial_id, TrialState.WAITING)
                self._move(TrialState.RUNNING, TrialState.WAITING)
        self._open.clear()
        # Made anew: Optuna's storage in memory does not look back at rows that have run.
        self._mirror = self._make_mirror()

    def ask(self, space: SearchSpace, sampler: BaseSampler, fixed: Candidate | None = None) -> Row:
        """Start the next row: one from the queue, or else a new candidate.

        Args:
            space: the search space.
            sampler: what chooses a new candidate.
            fixed: what a new candidate is to be, instead of the sampler's choice.
        """
        trial = self._mirror.ask(sampler, fixed)
        if trial.number < self.rows:
            row = self._take_up(trial.number)
        else:
            row = self._enter(trial.number, space.suggest(trial))
        self._open[row.number] = row
        return row

    def _take_up(self, number: int) -> Row:
        storage, identity = self._storage.optuna, self._ids[number]
        known = storage.get_trial(identity).user_attrs
        for name in ("reason", "detail"):
            # Written, but not the state they go with: the driver died in between.
            if known.get(name):
                storage.set_trial_user_attr(identity, name, "")
        storage.set_trial_state_values(identity, TrialState.RUNNING)
        self._move(TrialState.WAITING, TrialState.RUNNING)
        return Row.read(number, known)

    def _enter(self, number: int, candidate: Candidate) -> Row:
        key = candidate.key
        seeds = [trial_seed(self.request.seed, key, r) for r in range(self.request.repeats)]
        template = self._mirror.row(number)
        known = {"candidate": candidate.to_dict(), "key": key, "seed": seeds[0], "repeat": 0}
        if len(seeds) > 1:
            known["seeds"] = seeds
        template.user_attrs = known
        self._ids.append(self._storage.optuna.create_new_trial(self._study_id, template))
        self._move(None, TrialState.RUNNING)
        return Row(number, candidate.to_dict(), key, tuple(seeds))

    def settled(self, row: Row) -> int | None:
        """Return the number of a row with the same candidate and seed whose result can be used."""
        return self._settled.find(row.key, row.seeds[0])

    def report(self, number: int, epoch: int, metrics: Metrics, worker: str = "") -> None:
        """Write the metrics of an epoch of a running row."""
        row = self._open.get(number)
        if row is None or epoch in row.epochs:
            return
        storage, identity = self._storage.optuna, self._ids[number]
        if worker and not row.epochs:
            storage.set_trial_user_attr(identity, "worker", worker)
        objective = next(iter(self.request.objectives))
        if len(self.request.objectives) == 1 and math.isfinite(metrics[objective]):
            storage.set_trial_intermediate_value(identity, epoch, metrics[objective])
            self._mirror.report(number, epoch, metrics[objective])
        # Last, for this is what says that the epoch is written.
        storage.set_trial_user_attr(identity, f"epoch:{epoch:04d}", dict(metrics))
        row.epochs.add(epoch)

    def widen(self, number: int, gpus: float) -> None:
        """Write down that a running row needs a larger share of a GPU."""
        self._open[number].gpus = gpus
        self._storage.optuna.set_trial_user_attr(self._ids[number], "gpus", gpus)

    def complete(
        self,
        number: int,
        metrics: Metrics,
        spread: Metrics | None = None,
        gradients: Mapping[int, float] | None = None,
    ) -> None:
        """Finish a row with its last metrics; one that is not finite makes it FAIL.

        Args:
            number: of the row.
            metrics: of its last epoch.
            spread: of each of them over the repeats.
            gradients: distance from the last step → norm of the loss's gradient there.
        """
        values = [metrics[name] for name in self.request.objectives]
        for name, value in zip(self.request.objectives, values, strict=True):
            if not math.isfinite(value):
                self.fail(number, DIVERGED, f"{name} is {value}")
                return
        self._finish(
            number,
            TrialState.COMPLETE,
            metrics=metrics,
            spread=spread,
            # JSON has texts for keys.
            gradients={str(d): norm for d, norm in (gradients or {}).items()},
            values=values,
        )

    def prune(self, number: int, metrics: Metrics, spread: Metrics | None = None) -> None:
        """Finish a row that a scheduler stopped early."""
        self._finish(number, TrialState.PRUNED, metrics=metrics, spread=spread)

    def fail(self, number: int, reason: str, detail: str = "") -> None:
        """Finish a row that has no result.

        Args:
            number: of the row.
            reason: a short text to group by: ``diverged``, ``out of memory``, ``error: …``.
            detail: what else is known, such as a traceback.
        """
        self._finish(number, TrialState.FAIL, reason=reason, detail=detail)

    def copy(self, number: int, source: int) -> None:
        """Finish a row with the result of another one that has the same candidate and seed."""
        if number not in self._open:
            return
        known = self.trials()[source]
        self._storage.optuna.set_trial_user_attr(self._ids[number], "duplicate_of", source)
        for name, value in known.user_attrs.items():
            if name.startswith("epoch:"):
                self.report(number, int(name.partition(":")[2]), value)
        self._finish(
            number,
            known.state,
            values=known.values if known.state == TrialState.COMPLETE else None,
            **{
                name: known.user_attrs[name]
                for name in ("metrics", "spread", "gradients", "reason", "detail")
                if name in known.user_attrs
            },
        )

    def _finish(
        self,
        number: int,
        state: TrialState,
        *,
        metrics: Metrics | None = None,
        spread: Metrics | None = None,
        gradients: Metrics | None = None,
        reason: str = "",
        detail: str = "",
        values: list[float] | None = None,
    ) -> None:
        row = self._open.pop(number, None)
        if row is None:
            return
        storage, identity = self._storage.optuna, self._ids[number]
        known = {
            "metrics": metrics, "spread": spread, "gradients": gradients,
            "reason": reason, "detail": detail,
        }  # fmt: skip
        for name, value in known.items():
            if value:
                plain = dict(value) if isinstance(value, Mapping) else value
                storage.set_trial_user_attr(identity, name, plain)
        violations = {str(c): c.violation(metrics) for c in self._constraints if metrics}
        before = self._mirror.row(number).system_attrs
        told = self._mirror.tell(number, state, values, violations)
        for name, value in told.system_attrs.items():
            if name not in before:
                storage.set_trial_system_attr(identity, name, value)
        storage.set_trial_state_values(identity, told.state, told.values)
        self._storage.flush()
        self._move(TrialState.RUNNING, state)
        self._settled.add(number, row.key, row.seeds[0], state, reason)

    def _move(self, old: TrialState | None, new: TrialState) -> None:
        if old is not None:
            self.counts[old] -= 1
        self.counts[new] += 1

    def finalized(self, number: int) -> dict[str, Any]:
        """Return what `finalize` wrote about a row, an empty record where it did not."""
        empty = {"seeds": [], "validation": {}, "test": {}, "failed": {}, "epochs": 0}
        record: dict[str, Any] = self.study.user_attrs.get(f"finalized:{number}", empty)
        return record

    def set_finalized(self, number: int, record: Mapping[str, Any]) -> None:
        """Write what `finalize` found out about a row."""
        self.study.set_user_attr(f"finalized:{number}", dict(record))
        self._storage.flush()
