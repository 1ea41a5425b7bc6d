"""The last step: chosen candidates are trained again with fresh seeds, and only then tested."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import ray
import torch
from optuna.trial import FrozenTrial
from ray import exceptions
from rich.console import Console
from rich.progress import Progress

from optcell_search import results
from optcell_search.cells.building import AnyModel
from optcell_search.space import Candidate, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training, examine, feedforward_baseline, has_baseline

from ..ledger.format import BASELINE, finalized_key
from ..ledger.ledger import Ledger
from ..ledger.storage.storage import STORAGE_ERRORS, said
from ..ledger.trials.reasons import OUT_OF_MEMORY, WORKER_DIED, RunBrokenError
from ..ledger.trials.scores import Record, Score, finalized
from .cluster import heartbeat
from .cluster.data_transfer import Source
from .cluster.gpu_shares import larger
from .store.checkpoints import CheckpointError
from .store.file_systems import Location
from .store.finalized_weights import place, save
from .store.retention import own_sizes
from .worker.job import Job
from .worker.session import Session, failure, release

_RETRIES = 1
_SECONDS_BETWEEN_LOOKS = 5.0


def choose(table: pd.DataFrame, objectives: dict[str, results.Direction], top: int) -> list[int]:
    """Return the numbers of the `top` best trials: the Pareto front, then the next one, and so on.

    Within a front the trials that are better in the first objective come first; with one objective
    ties and near-ties are told apart as `results.best` does.
    """
    trials = results.eligible(table, objectives)
    if len(objectives) == 1:
        return results.best_first(trials, objectives)["number"].astype(int).tolist()[:top]
    chosen: list[int] = []
    while len(chosen) < top and len(trials):
        front = results.pareto(trials, objectives)["number"]
        chosen.extend(int(number) for number in front)
        trials = trials[~trials["number"].isin(front)]
    return chosen[:top]


def with_plain(
    chosen: list[int], table: pd.DataFrame, objectives: dict[str, results.Direction]
) -> list[int]:
    """Return the numbers of trials, and the plain cells that they are compared with."""
    rows = results.best_first(table, objectives)
    rivals = (results.plain_rival(rows, number) for number in chosen)
    return list(dict.fromkeys([*chosen, *(rival for rival in rivals if rival is not None)]))


@dataclass(frozen=True)
class _Work:
    """One seed of a trial, or of the network that the trial is compared with.

    Args:
        job: what to train.
        baseline: whether it is that network.
        keep: where the weights of the trial's seed are kept.
        room: bytes that they may take.
    """

    job: Job
    baseline: bool
    keep: str = ""
    room: int = 0


def finalize(
    ledger: Ledger,
    numbers: Sequence[int],
    seeds: int,
    epochs: int,
    source: Source,
    location: Location,
) -> None:
    """Train trials anew with `seeds` seeds each, test them, and write it all into the ledger.

    A seed that has been done before is not done again. The seeds are others than the search's own:
    the candidate was chosen for how well it did with those. Where the task offers a baseline for a
    candidate (`training.has_baseline`), that is trained and tested with the same seeds.

    The weights of the trials' seeds are kept below `location`, the run's checkpoints.
    """
    request = ledger.request
    trials = ledger.trials()
    task = source.load()
    records: dict[int, dict[bool, Record]] = {}
    works: list[_Work] = []
    for number in numbers:
        trial = trials[number]
        key = trial.user_attrs["key"]
        wanted = [trial_seed(request.seed, key, request.trainings + i) for i in range(seeds)]
        known = finalized(ledger.study, number)
        compared = has_baseline(Candidate.from_dict(trial.user_attrs["candidate"]), task)
        records[number] = {False: Record.read(known, epochs)}
        if compared:
            records[number][True] = Record.read(known.get(BASELINE, {}), epochs)
        for baseline, record in records[number].items():
            record.seeds = wanted
            lacking = [seed for seed in wanted if seed not in record.scores]
            works.extend(
                _Work(_job(ledger, trial, seed, epochs, source), baseline) for seed in lacking
            )
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("training again", total=len(works))
        try:
            works = _kept(works, location, request.checkpoint_bytes)
            for work, score in _run(works, request.workers):
                pair = records[work.job.number]
                pair[work.baseline].scores[work.job.seeds[0]] = score
                compared_with = {BASELINE: pair[True].to_dict()} if True in pair else {}
                ledger.note(finalized_key(work.job.number), pair[False].to_dict() | compared_with)
                progress.advance(bar)
        except exceptions.RayError as error:
            # The raylet has died, say: Ray has a name of its own for each way to notice.
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise RunBrokenError(last) from error
        except STORAGE_ERRORS as error:
            raise RunBrokenError(said(error)) from error


def _kept(works: Sequence[_Work], location: Location, limit: int) -> list[_Work]:
    """Return the works with a place for the weights of each trial's seeds, and a share of room."""
    trained = sum(not work.baseline for work in works)
    room = max(0, limit - sum(own_sizes(location).values())) // max(1, trained)
    return [
        dataclasses.replace(
            work, keep=str(place(location, work.job.number, work.job.seeds[0])), room=room
        )
        for work in works
    ]


def _job(ledger: Ledger, trial: FrozenTrial, seed: int, epochs: int, source: Source) -> Job:
    request = ledger.request
    return Job(
        number=trial.number,
        candidate=Candidate.from_dict(trial.user_attrs["candidate"]),
        seeds=(seed,),
        source=source,
        objectives=tuple(request.objectives),
        epochs=epochs,
        device=request.device,
        gpus=trial.user_attrs.get("gpus", request.gpus_per_trial),
        threads=request.threads,
    )


def _run(works: Sequence[_Work], workers: int) -> Iterator[tuple[_Work, Score]]:
    """Do the works on the cluster, at most `workers` at once; give each with its score."""
    left = iter(works)
    pending = {_submit(work): work for work in itertools.islice(left, workers)}
    while pending:
        done = _first(list(pending))
        work = pending.pop(done)
        try:
            score = ray.get(done)
        except exceptions.WorkerCrashedError:
            score = Score({}, {}, WORKER_DIED)
        share = larger(work.job.gpus) if score.reason == OUT_OF_MEMORY else None
        if share is not None:
            again = dataclasses.replace(work, job=dataclasses.replace(work.job, gpus=share))
            pending[_submit(again)] = again
            continue
        yield work, score
        pending.update({_submit(work): work for work in itertools.islice(left, 1)})


def _first(pending: list[ray.ObjectRef[Score]]) -> ray.ObjectRef[Score]:
    """Wait for the first to be there; raises RunBrokenError when no node is left."""
    while True:
        done, _ = ray.wait(pending, timeout=_SECONDS_BETWEEN_LOOKS)
        if done:
            return done[0]
        if not heartbeat.nodes():
            raise RunBrokenError(heartbeat.NO_NODE)


def _submit(work: _Work) -> ray.ObjectRef[Score]:
    train = ray.remote(train_and_test)
    resources = train.options(num_cpus=1, num_gpus=work.job.gpus, max_retries=_RETRIES)
    return resources.remote(work)


def train_and_test(work: _Work) -> Score:
    """Train a candidate, or its baseline, with one seed, then score it on the test split.

    Raises:
        CheckpointError: its weights cannot be written.
    """
    job = work.job
    try:
        score = _of_baseline(job) if work.baseline else _of_candidate(work)
    except CheckpointError:
        # Of the run, not of this candidate.
        raise
    except Exception as error:
        # As in the search: what a plug-in does wrong is a result of this candidate.
        score = Score({}, {}, failure(job.number, error).reason)
    release()
    return score


def _of_candidate(work: _Work) -> Score:
    job = work.job
    session = Session(job)
    report = session.advance()
    while not report.done:
        report = session.advance()
    # Loaded anew, for this alone: the task that searches share in this process stays sealed.
    task = job.source.load().to(job.device)
    model = session.trainings[0].model
    score = _tested(model, task, report.metrics[report.epoch])
    save(Location(work.keep), model.state_dict(), work.room)
    return score


def _of_baseline(job: Job) -> Score:
    torch.set_num_threads(job.threads)
    baseline, stacked = feedforward_baseline(job.candidate, job.source.load())
    task = stacked.to(job.device)
    training = Training(baseline, task, seed=job.seeds[0], device=job.device, epochs=job.epochs)
    for _ in range(job.epochs):
        metrics = training.epoch()
    return _tested(training.model, task, metrics)


def _tested(model: AnyModel, task: LoadedTask, metrics: dict[str, float]) -> Score:
    test, diagnosis = examine(model, task.unseal(), task)
    return Score({name: metrics[name] for name in test}, test, diagnosis=diagnosis)
