"""Plays Tune for a searcher: hands out names, and results in any order."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher
from runs import a_request

from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report


class Driver:
    """Plays Tune: hands out names and results."""

    def __init__(self, task: str, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.request = a_request(task, **changes)
        make_ledger(self.request, folder).close()
        self.open()

    def open(self) -> None:
        self.ledger = open_ledger(self.request, self.folder)
        self.ledger.requeue()
        self.searcher = LedgerSearch(self.ledger, self.folder)

    def suggest(self, name: str) -> Any:
        config = self.searcher.suggest(name)
        return config["job"] if isinstance(config, dict) else config

    def finish(
        self, name: str, job: Job, accuracy: float = 0.5, epoch: int = 2, **more: Any
    ) -> None:
        metrics = {"accuracy": accuracy, "parameters": 9.0}
        report = Report(
            number=job.number,
            epoch=epoch,
            metrics={epoch: metrics},
            done=epoch == self.request.epochs,
            **more,
        )
        self.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})

    def states(self) -> list[str]:
        return [trial.state.name for trial in self.ledger.trials()]


def keys(driver: Driver) -> list[str]:
    return [trial.user_attrs["key"] for trial in driver.ledger.trials()]


def run_generations(driver: Driver, order: int) -> None:
    """Finish each generation from its front or from its back."""
    names = (f"r{i}" for i in itertools.count())
    while True:
        jobs = {}
        while isinstance(job := driver.suggest(name := next(names)), Job):
            jobs[name] = job
        if not jobs:
            assert job == Searcher.FINISHED
            return
        for name in list(jobs)[::order]:
            driver.finish(name, jobs[name], accuracy=jobs[name].number / 100)


def run_out_of_memory(driver: Driver, name: str, job: Job) -> None:
    report = Report(number=job.number, reason="out of memory", done=True)
    driver.searcher.on_trial_complete(name, {"report": report, "worker": "host:1"})
