"""Between Ray Tune and the ledger: what to train next, and what came of it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune.search import Searcher

from ...ledger.format import DUPLICATE_OF, METRICS, REASON
from ...ledger.ledger import Ledger, Metrics
from ...ledger.storage.storage import STORAGE_ERRORS, said
from ...ledger.trials.reasons import BY_HAND, OUT_OF_MEMORY, TOO_SLOW, cut, is_cut
from ...ledger.trials.running_trial import RunningTrial
from ..cluster.data_transfer import Source
from ..cluster.gpu_shares import larger
from ..store.retention import Retention
from ..worker.job import Job, Report
from .budget import NOTHING_ELSE, Budget
from .candidates import CandidateQueue
from .early_failure import FirstFailures
from .ended import Ended
from .jobs import job_of
from .wishes import Wishes


class LedgerSearch(Searcher):
    """Hands out what the ledger still lacks and writes down every result.

    It remembers nothing that the ledger does not hold, so there is nothing in it to restore.

    Attributes:
        broken: why the run cannot go on, as a worker told; empty while it can.
        budget: what the search has used, besides trials.
        wishes: what others ask of it meanwhile.

    Args:
        ledger: the ledger.
        folder: the run folder.
        budget: by default as the ledger has it.
        candidates: what is asked for the next one, by default the sampler of the run.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        budget: Budget | None = None,
        candidates: CandidateQueue | None = None,
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._request = ledger.request
        self._folder = folder
        self._data = Source.of(self._request, folder)
        # Trials that have been handed out and not told; a trial of Tune is one attempt at one.
        self._open: dict[int, RunningTrial] = {}
        self._attempts: dict[str, int] = {}
        self._again: list[RunningTrial] = []
        self._followers: defaultdict[int, list[int]] = defaultdict(list)
        self._held: dict[int, Ended] = {}
        self.broken = ""
        self.budget = budget or Budget.of(ledger)
        self._over = ""
        self._nothing_else = False  # no trial is complete: what the end cuts counts as it is
        self.retention = Retention.of(self._request, folder)
        counts = ledger.counts
        self._first = FirstFailures(bool(counts[TrialState.COMPLETE] + counts[TrialState.PRUNED]))
        for trial in ledger.trials():
            known = trial.user_attrs
            mine = METRICS in known and DUPLICATE_OF not in known
            if trial.state == TrialState.COMPLETE and mine:
                self._keep(trial.number, known[METRICS], known.get(REASON))
        self._candidates, self.wishes = candidates or CandidateQueue(ledger), Wishes(ledger)
        self.sweep()

    def sweep(self) -> None:
        """Delete the checkpoints of no use to anybody, as a worker may leave them that died."""
        self.retention.sweep({t.number for t in self._ledger.trials() if not t.state.is_finished()})

    @property
    def finished(self) -> bool:
        """Whether every trial there is to be has its result."""
        if self.over:
            return not self._in_training
        return not self._ledger.counts[TrialState.RUNNING] and not self._more

    @property
    def over(self) -> str:
        """Why no further trial is handed out, in words, where a limit is reached; else empty."""
        # Once Tune has been told so it asks no more, whatever the last trials still come to.
        if not self._over and (why := self.budget.over):
            self._over = why
            complete = self._ledger.counts[TrialState.COMPLETE]
            whole = (ended.is_whole(self._request.objectives) for ended in self._held.values())
            self._nothing_else = not (complete or any(whole))
        return self._over

    @property
    def ended(self) -> str:
        """Why the search ended, in words; empty where it has the trials that were asked for."""
        short = f" {NOTHING_ELSE}" if self._nothing_else else ""
        return f"{self.over}{short}" if self.over else self._candidates.used_up

    def stops(self, report: Report) -> bool:
        """Whether a trial is to end with what it has reported; one that is done ends by itself."""
        if report.done:
            return False
        return bool(self.over) or self._is_too_slow(report) or self.wishes.prune(report.number)

    def _is_too_slow(self, report: Report) -> bool:
        going_on = not (report.done or report.reason or report.broken)
        return going_on and self.budget.too_slow(report.metrics[report.epoch])

    @property
    def _more(self) -> bool:
        return self._ledger.missing > 0 and not self._candidates.exhausted

    @property
    def _in_training(self) -> set[int]:
        """Trials that have been handed out and will still be told."""
        return self._open.keys() - {trial.number for trial in self._again if self.over}

    @property
    def hopeless(self) -> str:
        """Why no further trial is handed out, in words; empty while there is hope."""
        return self._first.verdict

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the configuration of the next trial; None: not yet; FINISHED: nothing is left."""
        if self.over:
            # A generation that is not to be completed has ended as it is.
            self._release()
            return self._nothing(may_change=False)
        if self._again:
            return self._start(trial_id, self._again.pop(0))
        if self.hopeless:
            return self._nothing(may_change=bool(self._open))
        while self._more:
            if not self._may_ask():
                return None
            trial = self._candidates.ask()
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
        # Of what is in training some may come back, and until it ends the run may be extended.
        return self._nothing(may_change=bool(self._open))

    def _nothing(self, *, may_change: bool) -> dict[str, Any] | None:
        # Ray's own sentinel, though its annotation has no room for it. After it Tune asks no more.
        return None if may_change else Searcher.FINISHED  # type: ignore[return-value]

    def _start(self, trial_id: str, trial: RunningTrial) -> dict[str, Any]:
        self._attempts[trial_id] = trial.number
        # The job is for the trainable, the rest for loggers.
        return {"job": self._job(trial), **trial.candidate.flat()}

    def _source(self, trial: RunningTrial) -> int | None:
        """Return the trial whose result this one shares, finished or in training."""
        for other in self._open.values():
            if (other.key, other.seeds) == (trial.key, trial.seeds):
                return other.number
        return self._ledger.reusable(trial)

    def _job(self, trial: RunningTrial) -> Job:
        kept = self._candidates.keeps(trial)
        return job_of(trial, self._request, self._data, self.retention.location, kept=kept)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Write down an epoch."""
        report: Report = result["report"]
        self.retention.wrote(report.number, report.files)
        self._write_epochs(report, result["worker"])

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Write down how a trial ended. One that raised an error is left to `lost`."""
        if error or not result or "report" not in result or trial_id not in self._attempts:
            return
        report: Report = result["report"]
        if report.broken:
            # The trial stays open, for a resume to go on with it.
            self.broken = report.broken
            return
        with self._or_broken():
            self.retention.wrote(report.number, report.files)
            self._write_epochs(report, result["worker"])
            slow = TOO_SLOW if self._is_too_slow(report) else ""
            self._end(trial_id, Ended(report, slow, "" if report.done else self._early(report)))

    def _early(self, report: Report) -> str:
        """Return why a trial ended early, where no scheduler stopped it."""
        over = cut(self.over) if self.over else ""
        return BY_HAND if self.wishes.prune(report.number) else over

    def lost(self, trial_id: str, reason: str) -> None:
        """Write down that a trial's worker is gone for good."""
        if trial_id in self._attempts and not self.broken:
            with self._or_broken():
                self._end(trial_id, Ended(None, reason))

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

    def _end(self, trial_id: str, ended: Ended) -> None:
        number = self._attempts.pop(trial_id)
        if not (ended.why == OUT_OF_MEMORY and self._retries(self._open[number])):
            self._held[number] = ended
        self._release()

    def _release(self) -> None:
        """Tell the ledger what is held, unless a generation has not ended."""
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

        A deterministic search works in generations, trials 0 to at_once-1, and so on: none starts
        before every trial of the one before has been told, in the order of their numbers. One that
        waits for what is read off a mixture ends with the trials that it has.
        """
        if self._candidates.waits:
            return False
        if not self._request.deterministic:
            return True
        size = self._request.at_once
        number = self._ledger.size
        if self._ledger.counts[TrialState.WAITING]:
            waiting = (t.number for t in self._ledger.trials() if t.state == TrialState.WAITING)
            number = min(waiting)
        start = number // size * size
        return all(number >= start for number in self._open)

    def _generation_has_ended(self) -> bool:
        more = self._more and self._may_ask() and not self.over
        return not more and self._in_training <= self._held.keys()

    def _tell(self, number: int, ended: Ended) -> None:
        report = ended.report
        self._first.note(ended.why)
        if report is None or ended.why:
            self.budget.note(None)
            self._ledger.fail(number, ended.why, report.detail if report else "")
            self.retention.drop(number)
        elif report.done or (self._nothing_else and is_cut(ended.early)):
            metrics = report.metrics[report.epoch]
            self._ledger.complete(number, metrics, ended.beside)
            self.budget.note(metrics if self._ledger.is_feasible(metrics) else None)
            self._keep(number, metrics, ended.early)
        else:
            self.budget.note(None)
            self._ledger.prune(number, report.metrics[report.epoch], ended.beside)
            self.retention.drop(number)
        for follower in self._followers.pop(number, []):
            self._ledger.copy(follower, number)

    def _keep(self, number: int, metrics: Metrics, early: str | None) -> None:
        if self._ledger.is_feasible(metrics):
            values = [metrics[name] for name in self._request.objectives]
            self.retention.add(number, values, whole=not is_cut(early))
        else:
            self.retention.drop(number)
