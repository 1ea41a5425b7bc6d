"""A trial of the ledger as Ray Tune would have it, for schedulers and callbacks."""

from __future__ import annotations

import time
from typing import Any

from ...worker.job import Job, Report
from ...worker.trainable import CandidateTrainable


class Attempt:
    """An attempt at a trial.

    Args:
        trial: of Tune, which trains nothing.
        job: what is to be trained.

    """

    def __init__(self, trial: Any, job: Job) -> None:
        self.trial, self.job = trial, job
        self.name: str = trial.trial_id
        self._reached = 0
        self._lost_at, self._lost_alone = -1, 0
        self._began = time.time()
        self._told = 0

    @property
    def suspected(self) -> bool:
        """Whether a worker that held it has been lost, and it has come no further since."""
        return self._lost_at == self._reached

    @property
    def hopeless(self) -> bool:
        """Whether two workers have been lost that held it alone, and it came no further between."""
        return self._lost_alone > 1

    def lose(self, *, alone: bool) -> None:
        """Note that its worker has been lost, and whether that held nothing else."""
        self._lost_alone = alone + (self._lost_alone if self.suspected else 0)
        self._lost_at = self._reached

    def result(self, report: Report, worker: str) -> dict[str, Any]:
        """Return a report as `CandidateTrainable` and Tune would tell it together."""
        self._told += 1
        self._reached = max(self._reached, report.epoch)
        now = time.time()
        host, _, process = worker.rpartition(":")
        return {
            **CandidateTrainable.result(report, worker),
            "trial_id": self.name,
            "training_iteration": self._told,
            "time_total_s": now - self._began,
            "timestamp": int(now),
            "hostname": host,
            "pid": int(process),
            "config": self.trial.config,
        }
