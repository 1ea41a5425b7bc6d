"""A search on a table: searcher, schedulers and ledger are the real ones, time is simulated.

What Ray Tune does is done here by a heap of events, each the end of an epoch on one of W workers;
the order in which results arrive is that of their simulated times. As in Tune, a trial that is done
or that the searcher ends does not ask the scheduler, and one that ends is told to the searcher by
``on_trial_complete`` alone; a worker that has become free is given the next trial at once. Starting
Ray, its messages and checkpoints take no time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from ..ledger.format import ENDED, NOTE, SEARCHED
from ..ledger.ledger import Ledger
from ..ledger.opening import ledger_in
from ..ledger.request import Request
from ..ledger.storage.in_memory import MemoryStorage
from ..ledger.trials.reasons import RunFailedError
from ..tuning.search.budget import Budget
from ..tuning.search.candidates import CandidateQueue, MakeSampler
from ..tuning.search.samplers import make_sampler
from ..tuning.search.schedulers import make_scheduler
from ..tuning.search.searcher import LedgerSearch
from ..tuning.status import in_words, reasons
from ..tuning.worker.job import Report
from .held import HeldSpace
from .recorded import RecordedTraining
from .trained import TrainedCandidates


class Clock:
    """Simulated time.

    Args:
        begins: when it is 0.

    Attributes:
        seconds: that have gone by.
    """

    def __init__(self, begins: datetime) -> None:
        self._begins = begins
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return what time it is."""
        return self._begins + timedelta(seconds=self.seconds)


@dataclass(frozen=True, order=True)
class _Event:
    """An epoch has ended: when, told how many results before it, on which worker, and of what."""

    time: float
    place: int
    worker: int


@dataclass
class _Running:
    name: str
    config: dict[str, Any]
    began: float
    training: RecordedTraining
    report: Report


@contextmanager
def simulated(
    table: TrainedCandidates, request: Request, folder: Path, sampler: MakeSampler = make_sampler
) -> Iterator[Ledger]:
    """Search a table; give the ledger, in memory, once the search has ended.

    Args:
        table: what to search.
        request: of the search.
        folder: that of the run; nothing is written into it.
        sampler: what makes the sampler of a trial, by default as in a real search.

    Raises:
        RunFailedError: no candidate is complete, or the first ones all failed in the same way.
    """
    # Local, as the times of all trials are.
    clock = Clock(datetime.fromisoformat(request.created).astimezone().replace(tzinfo=None))
    ledger = ledger_in(MemoryStorage(clock.now), request)
    try:
        searcher = LedgerSearch(
            ledger,
            folder,
            Budget.of(ledger, lambda: clock.seconds),
            # A table holds all of its candidates already, so that each can be counted.
            CandidateQueue(ledger, HeldSpace(table), sampler, most=math.inf),
        )
        _Search(table, ledger, searcher, clock).drive()
        if searcher.hopeless and ledger.unfinished:
            raise RunFailedError(searcher.hopeless)
        if not ledger.counts[TrialState.COMPLETE]:
            why = in_words(reasons(ledger.trials()))
            raise RunFailedError(f"no candidate could be trained: {why}")
        ledger.note(SEARCHED, searcher.budget.spent)
        ledger.note(ENDED, searcher.ended)
        ledger.note(NOTE, _said(table))
        yield ledger
    finally:
        ledger.close()


def _said(table: TrainedCandidates) -> str:
    return (
        f"Simulated: nothing was trained. Scores and seconds are those of table {table.name!r} "
        f"({len(table.candidates)} of {table.space.size} candidates, {len(table.seeds)} seeds)."
    )


class _Search:
    def __init__(
        self, table: TrainedCandidates, ledger: Ledger, searcher: LedgerSearch, clock: Clock
    ) -> None:
        self._table = table
        self._searcher = searcher
        self._scheduler = make_scheduler(ledger.request, ledger.trials())
        self._clock = clock
        self._idle = list(range(ledger.request.workers))
        self._asks = True
        self._running: dict[int, _Running] = {}
        self._events: list[_Event] = []
        self._count = 0

    def drive(self) -> None:
        """Go from event to event until no worker has anything left."""
        self._start()
        while self._events:
            event = heapq.heappop(self._events)
            self._clock.seconds = event.time
            self._take(event.worker)
            self._start()

    def _start(self) -> None:
        """Give every idle worker a trial, as far as there are any."""
        while self._idle and self._asks:
            name = f"trial_{self._count}"
            # Ray's sentinel is no dictionary, though its annotation says so.
            config: Any = self._searcher.suggest(name)
            if config is None:
                return
            if config == Searcher.FINISHED:
                self._asks = False
                return
            worker = heapq.heappop(self._idle)
            training = RecordedTraining(self._table, config["job"])
            self._count += 1
            self._run(worker, name, config, self._clock.seconds, training)

    def _run(
        self,
        worker: int,
        name: str,
        config: dict[str, Any],
        began: float,
        training: RecordedTraining,
    ) -> None:
        report, seconds = training.advance()
        self._running[worker] = _Running(name, config, began, training, report)
        self._count += 1
        heapq.heappush(self._events, _Event(began + seconds, self._count, worker))

    def _take(self, worker: int) -> None:
        """Take in the result that a worker has come to."""
        one = self._running.pop(worker)
        result = {"report": one.report, "worker": f"simulated:{worker}"}
        trial = SimpleNamespace(trial_id=one.name, config=one.config)
        if self._ends(one.report, trial, result):
            self._searcher.on_trial_complete(one.name, result)
            heapq.heappush(self._idle, worker)
        else:
            self._searcher.on_trial_result(one.name, result)
            self._run(worker, one.name, one.config, one.began, one.training)

    def _ends(self, report: Report, trial: SimpleNamespace, result: dict[str, Any]) -> bool:
        if self._searcher.stops(report) or report.done:
            return True
        verdict: str = self._scheduler.on_trial_result(None, trial, result)  # type: ignore[arg-type]
        return verdict == TrialScheduler.STOP
