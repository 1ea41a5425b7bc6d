"""A search whose workers train many trials side by side: the loop that drives it.

Ray Tune has one process for each trial, so for whole searches in populations it cannot be the one
that starts workers: sixteen trials would be sixteen processes, each with a torch of its own, and
the network that is trained is in one. Here a worker is a Ray actor that lives as long as the
search, and holds up to `Request.slots` trials. All else is as it is under Tune: the same searcher
hands out trials and writes down what they come to, the same scheduler stops them, callbacks are
told the same in the same order, and a trial has a checkpoint of its own.

A worker answers once an epoch for all its trials. What has ended is out of its slot by then, and
before the next epoch the slot has the searcher's next trial, so that the sampler always sees what
is in training. Where several workers wait, a trial goes to the one that has most of its form.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray import exceptions, tune
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from optcell_search.training import form

from ....ledger.format import OCCUPANCY
from ....ledger.ledger import Ledger
from ....ledger.trials.reasons import OUT_OF_MEMORY, WORKER_DIED
from ...worker.job import Report
from ..schedulers import make_scheduler
from ..searcher import LedgerSearch
from .attempt import Attempt
from .telling import Telling
from .worker import Worker

_SECONDS_BETWEEN_LOOKS = 0.5
# Workers lost in a row before one has started, for each that there is to be.
_STARTS = 3


class Hosting:
    """Trains what a ledger lacks, many trials to a worker.

    A worker that is lost costs its trials the epochs since their checkpoints. Which of them, if
    any, it died of nobody knows, so they go on in two halves, none with new trials beside it until
    all have come further, and so forth with a half that is lost before that. One that is lost
    alone, twice at the same place, has failed.

    Args:
        ledger: of the run.
        folder: where Tune's callbacks keep their files.
        searcher: hands out trials and takes in what they come to.
        callbacks: are told of everything.
        interrupted: is set when the user wants no more.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        searcher: LedgerSearch,
        callbacks: Sequence[tune.Callback],
        interrupted: threading.Event,
    ) -> None:
        self._ledger = ledger
        self._request = ledger.request
        self._searcher = searcher
        self._telling = Telling(folder, callbacks)
        self._interrupted = interrupted
        # It asks nothing of the one who drives the search.
        self._scheduler: Any = make_scheduler(self._request, ledger.trials())
        self._workers: list[Worker] = []
        self._groups: deque[list[Attempt]] = deque()
        self._asks = True
        self._unborn = 0
        self._trained, self._offered = ledger.study.user_attrs.get(OCCUPANCY, (0, 0))

    def run(self) -> None:
        """Go on until nothing is left, or cannot go on.

        Raises:
            RayError: Ray itself gave out.
        """
        try:
            while not (self._searcher.broken or self._interrupted.is_set()):
                self._start_workers()
                self._hand_out()
                if not (self._asks or self._groups or any(one.trials for one in self._workers)):
                    break
                self._listen()
                self._telling.stepped()
        finally:
            for worker in self._workers:
                worker.end()
        self._ledger.note(OCCUPANCY, [self._trained, self._offered])
        self._telling.ended()

    def _start_workers(self) -> None:
        while len(self._workers) < self._request.workers:
            self._workers.append(Worker(self._request.gpus_per_trial))

    def _hand_out(self) -> None:
        """Fill the slots of all workers that wait, and let them train."""
        for worker in [one for one in self._workers if one.call is None and not one.apart]:
            self._hand_group(worker)
        idle = [worker for worker in self._workers if worker.call is None]
        while self._asks and not self._groups and (room := self._room(idle)):
            name = uuid.uuid4().hex[:8]
            config: Any = self._searcher.suggest(name)
            if config is None:
                break
            if config == Searcher.FINISHED:
                self._asks = False
                break
            attempt = self._telling.attempt(name, config)
            if attempt.job.gpus != self._request.gpus_per_trial:
                self._groups.append([attempt])
                continue
            kind = form(attempt.job.candidate)
            best = max(room, key=lambda one: (one.mates(kind), -len(one.trials)))
            best.take(attempt)
            self._telling.began(attempt)
        for worker in idle:
            if worker.trials:
                self._trained += len(worker.trials)
                self._offered += self._request.slots
                worker.train()

    def _room(self, idle: Sequence[Worker]) -> list[Worker]:
        return [one for one in idle if not one.apart and len(one.trials) < self._request.slots]

    def _hand_group(self, worker: Worker) -> None:
        """Give a worker the first group that waits, if it has the room, in place of new trials."""
        group = self._groups[0] if self._groups else []
        share = max((one.job.gpus for one in group), default=self._request.gpus_per_trial)
        other = share != worker.gpus
        # One that is alone in suspicion is alone on its worker, too.
        if worker.trials and (other or len(group) == 1):
            return
        if len(worker.trials) + len(group) > self._request.slots:
            return
        if not other:
            worker.take_apart(group)
        else:
            worker.end()
            self._workers.remove(worker)
            self._workers.append(Worker(share, group))
        if group:
            self._groups.popleft()
        for attempt in group:
            self._telling.began(attempt)

    def _listen(self) -> None:
        """Take in what workers answer."""
        calls = {one.call: one for one in self._workers if one.call is not None}
        if not calls:
            self._interrupted.wait(_SECONDS_BETWEEN_LOOKS)
            return
        answered, _ = ray.wait(list(calls), timeout=_SECONDS_BETWEEN_LOOKS)
        for call in answered:
            worker = calls[call]
            try:
                answer = ray.get(call)
            except exceptions.RayError as error:
                self._lose(worker, error)
                continue
            worker.call = None
            if not worker.name:
                worker.name, self._unborn = answer, 0
                continue
            for report in answer:
                self._take(worker, report)

    def _take(self, worker: Worker, report: Report) -> None:
        """Take in what a trial came to, in the order in which Tune does it."""
        attempt = worker.trials[report.number]
        result = attempt.result(report, worker.name)
        done = (
            self._searcher.stops(report)
            or report.done
            or self._scheduler.on_trial_result(None, attempt.trial, result) == TrialScheduler.STOP
        )
        if done:
            result["done"] = True
        else:
            self._searcher.on_trial_result(attempt.name, result)
        self._telling.reported(attempt, result)
        if done:
            self._searcher.on_trial_complete(attempt.name, result)
            self._telling.completed(attempt)
            worker.leave(report.number, known=report.done)
        worker.clear()

    def _lose(self, worker: Worker, error: exceptions.RayError) -> None:
        """Have the trials of a worker that is gone go on elsewhere, those that may."""
        worker.end()
        self._workers.remove(worker)
        if not worker.name:
            self._unborn += 1
            if self._unborn >= _STARTS * self._request.workers:
                last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
                self._searcher.broken = f"no worker starts: {last}"
        lost = list(worker.trials.values())
        # What has come further since the last loss is not likely to be why.
        rest = [one for one in lost if not one.suspected]
        doubted = [one for one in lost if one.suspected] or rest
        for attempt in lost:
            attempt.lose(alone=len(lost) == 1)
            if attempt.hopeless:
                scarce = isinstance(error, exceptions.OutOfMemoryError)
                self._searcher.lost(attempt.name, OUT_OF_MEMORY if scarce else WORKER_DIED)
                self._telling.failed(attempt)
                return
            self._telling.recovered(attempt)
        half = math.ceil(len(doubted) / 2)
        groups = [doubted[:half], doubted[half:], [] if doubted is rest else rest]
        # To the front, so that a worker that starts anew has them first.
        self._groups.extendleft(group for group in reversed(groups) if group)
