"""A trial of the ledger as a Ray Tune trainable."""

from __future__ import annotations

import os
import socket
from typing import Any

from ray import tune

from .ending import failure, release
from .job import Job, Report
from .session import Session


class CandidateTrainable(tune.Trainable):
    """Trains the trial that ``config["job"]`` describes, one epoch a step.

    A result holds the `Report` itself for the ledger, and for schedulers and loggers plain
    numbers by the names that `optcell_trainable` gives them: ``epoch``, ``accuracy``, ….
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """Return one CPU and the job's own share of a GPU."""
        return tune.PlacementGroupFactory([{"CPU": 1, "GPU": config["job"].gpus}])

    def setup(self, config: dict[str, Any]) -> None:
        """Note the job; training starts with the first step, where a failure can be told."""
        self._job: Job = config["job"]
        self._session: Session | None = None
        release()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next job in the same process, so that torch is not loaded anew."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch."""
        try:
            if self._session is None:
                self._session = Session(self._job)
            report = self._session.advance()
        except Exception as error:
            # Whatever a cell, a rule or a task does wrong is a result of this candidate. Raised
            # here it would also take the worker with it, and a new one costs seconds.
            self._session = None
            report = failure(self._job.number, error)
        if report.reason:
            release()
        return self.result(report, f"{socket.gethostname()}:{os.getpid()}")

    @staticmethod
    def result(report: Report, worker: str) -> dict[str, Any]:
        """Return a report of a worker as a result of Tune's."""
        return {
            **report.metrics.get(report.epoch, {}),
            "report": report,
            "epoch": report.epoch,
            "worker": worker,
            "done": report.done,
        }
