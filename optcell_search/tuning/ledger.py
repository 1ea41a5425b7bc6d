"""The ledger of a run: one row a candidate, in an Optuna study that is always true.

Every change is written before the next thing happens, and writing it twice changes nothing, so a
process may die anywhere: what is COMPLETE, PRUNED or FAIL stays so, and what was RUNNING goes back
in the queue (`requeue`) with its parameters and the epochs it has reported.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from optcell_search.space import Candidate, SearchSpace, trial_seed

from .constraints import Constraint
from .reasons import DIVERGED
from .request import Request
from .storage import LedgerStorage, quiet_optuna

Metrics = Mapping[str, float]


@dataclass
class Row:
    """A candidate that is in training or about to be.

    Attributes:
        number: of the row.
        candidate: as plain data.
        key: of the candidate.
        seeds: one for each repeat.
        epochs: those that have been reported.
    """

    number: int
    candidate: dict[str, Any]
    key: str
    seeds: tuple[int, ...]
    epochs: set[int] = field(default_factory=set)


class Ledger:
    """The ledger of one run.

    Args:
        request: what the run was asked to do.
        storage: where the ledger lies. The study is made when it is not there yet.

    Raises:
        ValueError: the storage does not answer.
    """

    def __init__(self, request: Request, storage: LedgerStorage) -> None:
        quiet_optuna()
        self.request = request
        self._storage = storage
        try:
            # The name is the run's own, so joining it can only mean going on with this very run.
            self.study = optuna.create_study(
                study_name=request.run_id,
                storage=storage.optuna,
                directions=list(request.objectives.values()),
                load_if_exists=True,
            )
            if "request" not in self.study.user_attrs:
                self.study.set_user_attr("run_id", request.run_id)
                self.study.set_user_attr("request", request.to_dict())
        except sqlalchemy.exc.SQLAlchemyError as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"study {storage.url}: cannot be used: {first}") from error
        self._constraints = [
            Constraint.parse(text, valid=(Constraint.metric_of(text),))
            for text in request.constraints
        ]
        self._open: dict[int, tuple[Trial, Row]] = {}
        self._settled: dict[tuple[str, int], int] = {}
        self.counts: Counter[TrialState] = Counter()
        for trial in self.trials():
            self.counts[trial.state] += 1
            self._remember(trial.number, trial.user_attrs, trial.state)

    @classmethod
    def of_folder(cls, request: Request, folder: Path) -> Ledger:
        """Open the ledger of a run folder, wherever its request says it lies."""
        storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
        return cls(request, storage)

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.close()

    def trials(self) -> list[FrozenTrial]:
        """Return all rows by number; not to be changed."""
        return self.study.get_trials(deepcopy=False)

    @property
    def rows(self) -> int:
        """How many rows there are, in whatever state."""
        return sum(self.counts.values())

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

    def ask(
        self,
        space: SearchSpace,
        sampler: BaseSampler,
        fixed: Candidate | None = None,
    ) -> Row:
        """Start the next row: one from the queue, or else a new candidate.

        Args:
            space: the search space.
            sampler: what chooses a new candidate.
            fixed: what a new candidate is to be, instead of the sampler's choice.
        """
        self.study.sampler = sampler
        queued = self.counts[TrialState.WAITING] > 0
        if fixed is not None and not queued:
            self.study.enqueue_trial(fixed.flat())
        trial = self.study.ask()
        self._move(TrialState.WAITING if queued else None, TrialState.RUNNING)
        known = trial.user_attrs
        if "candidate" not in known:
            known = self._introduce(trial, space.suggest(trial))
        seeds = known.get("seeds", [known["seed"]])
        epochs = {int(key.partition(":")[2]) for key in known if key.startswith("epoch:")}
        row = Row(trial.number, known["candidate"], known["key"], tuple(seeds), epochs)
        self._open[row.number] = (trial, row)
        return row

    def _introduce(self, trial: Trial, candidate: Candidate) -> dict[str, Any]:
        key = candidate.key
        seeds = [trial_seed(self.request.seed, key, r) for r in range(self.request.repeats)]
        known: dict[str, Any] = {"key": key, "seed": seeds[0], "repeat": 0}
        if len(seeds) > 1:
            known["seeds"] = seeds
        # The candidate comes last: a row that has it has everything.
        known["candidate"] = candidate.to_dict()
        for name, value in known.items():
            trial.set_user_attr(name, value)
        return known

    def settled(self, row: Row) -> int | None:
        """Return the number of a row with the same candidate and seed whose result can be used."""
        return self._settled.get((row.key, row.seeds[0]))

    def report(self, number: int, epoch: int, metrics: Metrics, worker: str = "") -> None:
        """Write the metrics of an epoch of a running row."""
        if number not in self._open:
            return
        trial, row = self._open[number]
        if epoch in row.epochs:
            return
        if worker and not row.epochs:
            trial.set_user_attr("worker", worker)
        trial.set_user_attr(f"epoch:{epoch:04d}", dict(metrics))
        objective = next(iter(self.request.objectives))
        if len(self.request.objectives) == 1 and math.isfinite(metrics[objective]):
            trial.report(metrics[objective], epoch)
        row.epochs.add(epoch)

    def complete(self, number: int, metrics: Metrics, spread: Metrics | None = None) -> None:
        """Finish a row with its last metrics; one that is not finite makes it FAIL."""
        values = [metrics[name] for name in self.request.objectives]
        for name, value in zip(self.request.objectives, values, strict=True):
            if not math.isfinite(value):
                self.fail(number, DIVERGED, f"{name} is {value}")
                return
        self._finish(number, TrialState.COMPLETE, metrics=metrics, spread=spread, values=values)

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
        trial, _ = self._open[number]
        known = self.trials()[source]
        trial.set_user_attr("duplicate_of", source)
        for name, value in known.user_attrs.items():
            if name.startswith("epoch:"):
                self.report(number, int(name.partition(":")[2]), value)
        self._finish(
            number,
            known.state,
            values=known.values if known.state == TrialState.COMPLETE else None,
            **{
                name: known.user_attrs[name]
                for name in ("metrics", "spread", "reason", "detail")
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
        reason: str = "",
        detail: str = "",
        values: list[float] | None = None,
    ) -> None:
        if number not in self._open:
            return
        trial, row = self._open.pop(number)
        known = {"metrics": metrics, "spread": spread, "reason": reason, "detail": detail}
        for name, value in known.items():
            if value:
                trial.set_user_attr(name, dict(value) if isinstance(value, Mapping) else value)
        if metrics and self._constraints:
            # Optuna refuses a second value, and a row may have died right after the first.
            written = self.trials()[number].constraints
            for constraint in self._constraints:
                if str(constraint) not in written:
                    trial.set_constraint(str(constraint), constraint.violation(metrics))
        self.study.tell(trial, values, state=state, skip_if_finished=True)
        self._storage.flush()
        self._move(TrialState.RUNNING, state)
        self._remember(number, {"key": row.key, "seed": row.seeds[0], "reason": reason}, state)

    def _remember(self, number: int, known: Mapping[str, Any], state: TrialState) -> None:
        """Note a result that a later row with the same candidate and seed may use.

        The seed decides whether a candidate diverges, so that result stands too; what ran out of
        memory or lost its worker may do better the next time.
        """
        usable = state in (TrialState.COMPLETE, TrialState.PRUNED) or (
            state == TrialState.FAIL and known.get("reason") == DIVERGED
        )
        if usable and "key" in known:
            self._settled.setdefault((known["key"], known["seed"]), number)

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
