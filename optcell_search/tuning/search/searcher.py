"""Between Ray Tune and the ledger: what to train next, and what came of it."""

from __future__ import annotations

import contextlib
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune.search import Searcher

from optcell_search.space import Candidate

from ...ledger.format import DUPLICATE_OF, METRICS
from ...ledger.ledger import Ledger, Metrics
from ...ledger.reasons import OUT_OF_MEMORY
from ...ledger.running_trial import RunningTrial
from ...ledger.storage import STORAGE_ERRORS, said
from ..cluster.data_transfer import Source
from ..cluster.gpu_shares import larger
from ..store import checkpoints
from ..store.retention import Retention
from ..worker.job import Job, Report
from . import samplers
from .early_failure import FirstFailures


@dataclass(frozen=True)
class _Ended:
    """The end of a trial, which a deterministic search holds back until its turn."""

    report: Report | None
    lost: str = ""

    @property
    def why(self) -> str:
        """Why the trial failed; empty where it did not."""
        return self.report.reason if self.report else self.lost


class LedgerSearch(Searcher):
    """Hands out what the ledger still lacks and writes down every result.

    It remembers nothing that the ledger does not hold, so there is nothing in it to restore.

    Attributes:
        broken: why the run cannot go on, as a worker told; empty while it can.

    Args:
        ledger: the ledger.
        folder: the run folder.
    """

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        super().__init__()
        self._ledger = ledger
        self._request = ledger.request
        self._folder = folder
        self._data = Source.of(self._request, folder)
        self._space = self._request.search_space
        # Trials that have been handed out and not told; a trial of Tune is one attempt at one.
        self._open: dict[int, RunningTrial] = {}
        self._attempts: dict[str, int] = {}
        self._again: list[RunningTrial] = []
        self._followers: defaultdict[int, list[int]] = defaultdict(list)
        self._held: dict[int, _Ended] = {}
        self.broken = ""
        self.retention = Retention(
            checkpoints.location_of(self._request, folder),
            list(self._request.objectives.values()),
            self._request.checkpoint_bytes,
        )
        counts = ledger.counts
        self._first = FirstFailures(bool(counts[TrialState.COMPLETE] + counts[TrialState.PRUNED]))
        for trial in ledger.trials():
            known = trial.user_attrs
            mine = METRICS in known and DUPLICATE_OF not in known
            if trial.state == TrialState.COMPLETE and mine:
                self._keep(trial.number, known[METRICS])
        self._grid = self._untried_grid() if self._request.sampler == "grid" else None
        self.sweep()

    def _untried_grid(self) -> deque[Candidate]:
        tried = {trial.user_attrs.get("key") for trial in self._ledger.trials()}
        return deque(c for c in samplers.grid(self._request) if c.key not in tried)

    def sweep(self) -> None:
        """Delete the checkpoints of no use to anybody, as a worker may leave them that died."""
        self.retention.sweep({t.number for t in self._ledger.trials() if not t.state.is_finished()})

    @property
    def finished(self) -> bool:
        """Whether every trial there is to be has its result."""
        running = self._ledger.counts[TrialState.RUNNING]
        return not running and (self._ledger.missing == 0 or self._grid_is_used_up())

    @property
    def hopeless(self) -> str:
        """Why no further trial is handed out, in words; empty while there is hope."""
        return self._first.verdict

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the configuration of the next trial; None: not yet; FINISHED: nothing is left."""
        if self._again:
            return self._start(trial_id, self._again.pop(0))
        if self.hopeless:
            return self._nothing(may_change=bool(self._open))
        while self._ledger.missing > 0 and not self._grid_is_used_up():
            if not self._may_ask():
                return None
            trial = self._ask()
            if trial is None:
                continue
            source = self._source(trial)
            if source is None:
                self._open[trial.number] = trial
                return self._start(trial_id, trial)
            if source in self._open:
                self._followers[source].append(trial.number)
            else:
                self._ledger.copy(trial.number, source)
        # What is in training may run out of memory and come back.
        shared = 0 < self._request.gpus_per_trial < 1
        return self._nothing(may_change=shared and bool(self._open))

    def _nothing(self, *, may_change: bool) -> dict[str, Any] | None:
        # Ray's own sentinel, though its annotation has no room for it. After it Tune asks no more.
        return None if may_change else Searcher.FINISHED  # type: ignore[return-value]

    def _start(self, trial_id: str, trial: RunningTrial) -> dict[str, Any]:
        self._attempts[trial_id] = trial.number
        # The job is for the trainable; the rest is for loggers, to tell trials apart by.
        return {"job": self._job(trial), **trial.candidate.flat()}

    def _ask(self) -> RunningTrial | None:
        fixed = None
        if self._grid and not self._ledger.counts[TrialState.WAITING]:
            fixed = self._grid.popleft()
        sampler = samplers.make_sampler(self._request, self._ledger.size)
        return self._ledger.ask(self._space, sampler, fixed)

    def _grid_is_used_up(self) -> bool:
        waiting = self._ledger.counts[TrialState.WAITING]
        return self._grid is not None and not waiting and not self._grid

    def _source(self, trial: RunningTrial) -> int | None:
        """Return the trial whose result this one shares, finished or in training."""
        for other in self._open.values():
            if (other.key, other.seeds) == (trial.key, trial.seeds):
                return other.number
        return self._ledger.reusable(trial)

    def _job(self, trial: RunningTrial) -> Job:
        request = self._request
        return Job(
            number=trial.number,
            candidate=trial.candidate,
            seeds=trial.seeds,
            source=self._data,
            objectives=tuple(request.objectives),
            epochs=request.epochs,
            device=request.device,
            gpus=request.gpus_per_trial if trial.gpus is None else trial.gpus,
            threads=request.threads,
            checkpoints=str(self.retention.location / str(trial.number)),
            checkpoint_bytes=request.checkpoint_bytes // request.workers,
        )

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Write down an epoch."""
        report: Report = result["report"]
        self.retention.wrote(report.number, report.files)
        self._write_epochs(report, result["worker"])

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Write down how a trial ended. One that raised an error is left to `lost`."""
        if error or not result or "report" not in result:
            return
        if trial_id not in self._attempts:
            return
        report: Report = result["report"]
        if report.broken:
            # The trial stays open, for a resume to go on with it.
            self.broken = report.broken
            return
        with self._or_broken():
            self.retention.wrote(report.number, report.files)
            self._write_epochs(report, result["worker"])
            self._end(trial_id, _Ended(report))

    def lost(self, trial_id: str, reason: str) -> None:
        """Write down that a trial's worker is gone for good."""
        if trial_id in self._attempts and not self.broken:
            with self._or_broken():
                self._end(trial_id, _Ended(None, reason))

    @contextlib.contextmanager
    def _or_broken(self) -> Iterator[None]:
        """Note that the ledger cannot be written; Tune would take it for the trial's failure."""
        try:
            yield
        except STORAGE_ERRORS as error:
            self.broken = said(error)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger holds all there is."""

    def _write_epochs(self, report: Report, worker: str) -> None:
        for epoch, metrics in report.metrics.items():
            self._ledger.report(report.number, epoch, metrics, worker)

    def _end(self, trial_id: str, ended: _Ended) -> None:
        number = self._attempts.pop(trial_id)
        if ended.why == OUT_OF_MEMORY and self._retries(self._open[number]):
            return
        self._held[number] = ended
        if self._request.deterministic and not self._generation_has_ended():
            return
        for held in sorted(self._held):
            self._tell(held, self._held[held])
            del self._open[held]
        self._held.clear()

    def _retries(self, trial: RunningTrial) -> bool:
        """Put a trial back in the queue with a larger share of a GPU, if there is one."""
        share = larger(self._job(trial).gpus)
        if share is None:
            return False
        self._ledger.widen(trial.number, share)
        self._again.append(trial)
        return True

    def _may_ask(self) -> bool:
        """Whether a new trial may be started now.

        A deterministic search works in generations, trials 0 to workers-1, and so on: none starts
        before every trial of the one before has been told, in the order of their numbers.
        """
        if not self._request.deterministic:
            return True
        size = self._request.workers
        start = self._ledger.next_number // size * size
        return all(number >= start for number in self._open)

    def _generation_has_ended(self) -> bool:
        more = self._ledger.missing > 0 and not self._grid_is_used_up() and self._may_ask()
        return not more and self._open.keys() <= self._held.keys()

    def _tell(self, number: int, ended: _Ended) -> None:
        report = ended.report
        self._first.note(ended.why)
        if report is None or report.reason:
            self._ledger.fail(number, ended.why, report.detail if report else "")
            self.retention.drop(number)
        elif report.done:
            metrics = report.metrics[report.epoch]
            self._ledger.complete(number, metrics, report.spread, report.gradients)
            self._keep(number, metrics)
        else:
            self._ledger.prune(number, report.metrics[report.epoch], report.spread)
            self.retention.drop(number)
        for follower in self._followers.pop(number, []):
            self._ledger.copy(follower, number)

    def _keep(self, number: int, metrics: Metrics) -> None:
        if self._ledger.is_feasible(metrics):
            self.retention.add(number, [metrics[name] for name in self._request.objectives])
        else:
            self.retention.drop(number)
