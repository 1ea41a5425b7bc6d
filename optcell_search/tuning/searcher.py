"""Between Ray Tune and the ledger: what to train next, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune.search import Searcher

from . import checkpoints, samplers
from .keeper import Keeper
from .ledger import Ledger, Metrics
from .row import Row
from .session import Job, Report


@dataclass(frozen=True)
class _Ended:
    """The end of a row, which a deterministic search holds back until its turn."""

    report: Report | None
    reason: str = ""


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
        self._space = self._request.search_space
        self._grid = samplers.grid(self._request) if self._request.sampler == "grid" else None
        self._running: dict[str, Row] = {}
        self._followers: defaultdict[int, list[int]] = defaultdict(list)
        self._held: dict[int, _Ended] = {}
        self.broken = ""
        self.keeper = Keeper(
            checkpoints.place_of(self._request, folder),
            list(self._request.objectives.values()),
            self._request.checkpoint_bytes,
        )
        for trial in ledger.trials():
            if trial.state == TrialState.COMPLETE and "duplicate_of" not in trial.user_attrs:
                self._keep(trial.number, trial.user_attrs["metrics"])
        self.sweep()

    def sweep(self) -> None:
        """Delete the checkpoints of no use to anybody, as a worker may leave them that died."""
        self.keeper.sweep({t.number for t in self._ledger.trials() if not t.state.is_finished()})

    @property
    def finished(self) -> bool:
        """Whether every row there is to be has its result."""
        running = self._ledger.counts[TrialState.RUNNING]
        return not running and (self._ledger.missing == 0 or self._grid_is_used_up())

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the configuration of the next row; None: not yet; FINISHED: nothing is left."""
        while self._ledger.missing > 0 and not self._grid_is_used_up():
            if not self._may_ask():
                return None
            row = self._ask()
            source = self._source(row)
            if source is None:
                self._running[trial_id] = row
                return {"job": self._job(row)}
            if source in self._open_numbers():
                self._followers[source].append(row.number)
            else:
                self._ledger.copy(row.number, source)
        # Ray's own sentinel, though its annotation has no room for it.
        return Searcher.FINISHED  # type: ignore[return-value]

    def _ask(self) -> Row:
        number = self._ledger.rows
        fixed = self._grid[number] if self._grid and number < len(self._grid) else None
        sampler = samplers.make_sampler(self._request, number)
        return self._ledger.ask(self._space, sampler, fixed)

    def _grid_is_used_up(self) -> bool:
        waiting = self._ledger.counts[TrialState.WAITING]
        return self._grid is not None and not waiting and self._ledger.rows >= len(self._grid)

    def _source(self, row: Row) -> int | None:
        """Return the row whose result this one shares, finished or in training."""
        for other in self._running.values():
            if (other.key, other.seeds) == (row.key, row.seeds):
                return other.number
        return self._ledger.settled(row)

    def _open_numbers(self) -> set[int]:
        return {row.number for row in self._running.values()}

    def _job(self, row: Row) -> Job:
        request = self._request
        return Job(
            number=row.number,
            candidate=row.candidate,
            seeds=row.seeds,
            task=request.task,
            data_dir=request.data_dir,
            objectives=tuple(request.objectives),
            epochs=request.epochs,
            device=request.device,
            threads=request.threads,
            checkpoints=str(self.keeper.place / str(row.number)),
            checkpoint_bytes=request.checkpoint_bytes // request.workers,
        )

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Write down an epoch."""
        report: Report = result["report"]
        self.keeper.wrote(report.number, report.files)
        self._write_epochs(report, result["worker"])

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Write down how a row ended. One that raised an error is left to `lost`."""
        if error or not result or "report" not in result:
            return
        row = self._running.get(trial_id)
        if row is None:
            return
        report: Report = result["report"]
        if report.broken:
            # The row stays open, for a resume to go on with it.
            self.broken = report.broken
            return
        self.keeper.wrote(report.number, report.files)
        self._write_epochs(report, result["worker"])
        self._end(trial_id, _Ended(report))

    def lost(self, trial_id: str, reason: str) -> None:
        """Write down that a row's worker is gone for good."""
        if trial_id in self._running:
            self._end(trial_id, _Ended(None, reason))

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger holds all there is."""

    def _write_epochs(self, report: Report, worker: str) -> None:
        for epoch, metrics in report.metrics.items():
            self._ledger.report(report.number, epoch, metrics, worker)

    def _end(self, trial_id: str, ended: _Ended) -> None:
        number = self._running[trial_id].number
        self._held[number] = ended
        if self._request.deterministic and not self._generation_has_ended():
            return
        for held in sorted(self._held):
            self._tell(held, self._held[held])
        self._running = {
            trial: row for trial, row in self._running.items() if row.number not in self._held
        }
        self._held.clear()

    def _may_ask(self) -> bool:
        """Whether a new row may be started now.

        A deterministic search works in generations, rows 0 to workers-1, and so on: none starts
        before every row of the one before has been told, in the order of their numbers.
        """
        if not self._request.deterministic:
            return True
        size = self._request.workers
        start = self._ledger.next_number // size * size
        return all(row.number >= start for row in self._running.values())

    def _generation_has_ended(self) -> bool:
        more = self._ledger.missing > 0 and not self._grid_is_used_up() and self._may_ask()
        return not more and self._open_numbers() <= self._held.keys()

    def _tell(self, number: int, ended: _Ended) -> None:
        report = ended.report
        if report is None or report.reason:
            reason, detail = (report.reason, report.detail) if report else (ended.reason, "")
            self._ledger.fail(number, reason, detail)
            self.keeper.drop(number)
        elif report.done:
            metrics = report.metrics[report.epoch]
            self._ledger.complete(number, metrics, report.spread)
            self._keep(number, metrics)
        else:
            self._ledger.prune(number, report.metrics[report.epoch], report.spread)
            self.keeper.drop(number)
        for follower in self._followers.pop(number, []):
            self._ledger.copy(follower, number)

    def _keep(self, number: int, metrics: Metrics) -> None:
        if self._ledger.is_feasible(metrics):
            self.keeper.add(number, [metrics[name] for name in self._request.objectives])
        else:
            self.keeper.drop(number)
