"""The last step: chosen candidates are trained again with fresh seeds, and only then tested."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import ray
from optuna.trial import FrozenTrial
from ray import exceptions
from rich.console import Console
from rich.progress import Progress

from optcell_search import results
from optcell_search.cells.building import AnyModel
from optcell_search.space import trial_seed
from optcell_search.training import evaluate

from . import lifeline
from .ledger import Ledger
from .parcel import Source
from .reasons import OUT_OF_MEMORY, WORKER_DIED, Broken
from .session import Job, Session, failure, release
from .shares import larger

_RETRIES = 1
_SECONDS_BETWEEN_LOOKS = 5.0


@dataclass(frozen=True)
class Score:
    """What one seed came to: metrics on both splits, or why there are none."""

    validation: dict[str, float]
    test: dict[str, float]
    reason: str = ""


def choose(table: pd.DataFrame, objectives: dict[str, results.Direction], top: int) -> list[int]:
    """Return the numbers of the `top` best rows: the Pareto front, then the next one, and so on.

    Within a front the rows that are better in the first objective come first.
    """
    rows = results.eligible(table, objectives)
    chosen: list[int] = []
    while len(chosen) < top and len(rows):
        front = results.pareto(rows, objectives)["number"]
        chosen.extend(int(number) for number in front)
        rows = rows[~rows["number"].isin(front)]
    return chosen[:top]


def finalize(
    ledger: Ledger, numbers: Sequence[int], seeds: int, epochs: int, source: Source
) -> None:
    """Train rows anew with `seeds` seeds each, test them, and write it all into the ledger.

    A seed that has been done before is not done again. The seeds are others than the search's own:
    the candidate was chosen for how well it did with those.
    """
    request = ledger.request
    trials = ledger.trials()
    records = {number: _Record.read(ledger, number, epochs) for number in numbers}
    jobs: list[Job] = []
    for number in numbers:
        first = request.repeats
        key = trials[number].user_attrs["key"]
        wanted = [trial_seed(request.seed, key, first + i) for i in range(seeds)]
        records[number].seeds = wanted
        lacking = [seed for seed in wanted if seed not in records[number].scores]
        jobs.extend(_job(ledger, trials[number], seed, epochs, source) for seed in lacking)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("training again", total=len(jobs))
        for job, score in _run(jobs, request.workers):
            record = records[job.number]
            record.scores[job.seeds[0]] = score
            ledger.set_finalized(job.number, record.to_dict())
            progress.advance(bar)


def _job(ledger: Ledger, trial: FrozenTrial, seed: int, epochs: int, source: Source) -> Job:
    request = ledger.request
    return Job(
        number=trial.number,
        candidate=trial.user_attrs["candidate"],
        seeds=(seed,),
        source=source,
        objectives=tuple(request.objectives),
        epochs=epochs,
        device=request.device,
        gpus=trial.user_attrs.get("gpus", request.gpus_per_trial),
        threads=request.threads,
    )


def _run(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Score]]:
    """Do the jobs on the cluster, at most `workers` at once; give each with its score."""
    left = iter(jobs)
    pending = {_submit(job): job for job in itertools.islice(left, workers)}
    while pending:
        done = _first(list(pending))
        job = pending.pop(done)
        try:
            score = ray.get(done)
        except exceptions.WorkerCrashedError:
            score = Score({}, {}, WORKER_DIED)
        share = larger(job.gpus) if score.reason == OUT_OF_MEMORY else None
        if share is not None:
            again = dataclasses.replace(job, gpus=share)
            pending[_submit(again)] = again
            continue
        yield job, score
        pending.update({_submit(job): job for job in itertools.islice(left, 1)})


def _first(pending: list[ray.ObjectRef[Score]]) -> ray.ObjectRef[Score]:
    """Wait for the first to be there; raises Broken when there is nothing left to do it on."""
    while True:
        done, _ = ray.wait(pending, timeout=_SECONDS_BETWEEN_LOOKS)
        if done:
            return done[0]
        if not lifeline.nodes():
            raise Broken(lifeline.NO_NODE)


def _submit(job: Job) -> ray.ObjectRef[Score]:
    train = ray.remote(train_and_test)
    return train.options(num_cpus=1, num_gpus=job.gpus, max_retries=_RETRIES).remote(job)


def train_and_test(job: Job) -> Score:
    """Train a candidate with one seed, then score it on the test split."""
    try:
        session = Session(job)
        report = session.advance()
        while not report.done:
            report = session.advance()
    except Exception as error:
        # As in the search: what a plug-in does wrong is a result of this candidate.
        score = Score({}, {}, failure(job.number, error).reason)
    else:
        score = _scores(job, session.trainings[0].model, report.metrics[report.epoch])
        del session
    release()
    return score


def _scores(job: Job, model: AnyModel, metrics: dict[str, float]) -> Score:
    # Loaded anew, for this alone: the task that searches share in this process stays sealed.
    task = job.source.load().to(job.device)
    test = evaluate(model, task.unseal(), task)
    return Score({name: metrics[name] for name in test}, test)


@dataclass
class _Record:
    """Scores by seed, and how they stand in the ledger."""

    seeds: list[int]
    scores: dict[int, Score]
    epochs: int

    @classmethod
    def read(cls, ledger: Ledger, number: int, epochs: int) -> _Record:
        known = ledger.finalized(number)
        if known["epochs"] != epochs:
            return cls([], {}, epochs)
        scores = {
            seed: Score(_entry(known["validation"], i), _entry(known["test"], i))
            for i, seed in enumerate(known["seeds"])
        }
        return cls([], scores, epochs)

    def to_dict(self) -> dict[str, Any]:
        known = {seed: self.scores[seed] for seed in self.seeds if seed in self.scores}
        good = {seed: score for seed, score in known.items() if not score.reason}
        return {
            "seeds": list(good),
            "validation": _columns([score.validation for score in good.values()]),
            "test": _columns([score.test for score in good.values()]),
            "failed": {str(seed): score.reason for seed, score in known.items() if score.reason},
            "epochs": self.epochs,
        }


def _entry(columns: dict[str, list[float]], index: int) -> dict[str, float]:
    return {name: values[index] for name, values in columns.items()}


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
