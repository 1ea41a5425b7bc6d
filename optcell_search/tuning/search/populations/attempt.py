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

    Attributes:
        lost: whether a worker has been lost that held it.
    """

    def __init__(self, trial: Any, job: Job) -> None:
        self.trial, self.job = trial, job
        self.name: str = trial.trial_id
        self.lost = False
        self._began = time.time()
        self._told = 0

    def result(self, report: Report, worker: str) -> dict[str, Any]:
        """Return a report as `CandidateTrainable` and Tune would tell it together."""
        self._told += 1
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
