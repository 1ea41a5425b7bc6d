"""The ledger of a run: one row a candidate, in an Optuna study that is always true.

A row appears whole, every change is written before the next thing happens, and writing it twice
changes nothing, so a process may die anywhere: what is COMPLETE, PRUNED or FAIL stays so, and what
was RUNNING goes back in the queue (`requeue`) with its candidate and the epochs it has reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from optcell_search.space import Candidate, SearchSpace, trial_seed

from .book import Book, Metrics
from .reasons import DIVERGED
from .running import Row


class Ledger(Book):
    """The ledger of one run; arguments and errors as `Book`."""

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
