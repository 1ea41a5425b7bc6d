"""The last step: chosen candidates are trained again with fresh seeds, and only then tested."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from optuna.trial import FrozenTrial
from ray import exceptions

from optcell_search.space import Candidate, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.training import has_baseline
from optcell_search.training.population.paying import paying

from ...ledger.format import BASELINE, OTHERS, finalized_key
from ...ledger.ledger import Ledger
from ...ledger.request import Request
from ...ledger.storage.storage import STORAGE_ERRORS, said
from ...ledger.trials.reasons import OUT_OF_MEMORY, WORKER_DIED, RunBrokenError
from ...ledger.trials.scores import NO_RECORD, Record, Score, finalized, parted
from ..cluster import heartbeat
from ..cluster.data_transfer import Source
from ..cluster.gpu_shares import larger
from ..store.file_systems import Location
from ..store.retention import own_sizes
from ..worker.final_training import (
    Outcome,
    Work,
    final_epochs,
    train_and_test,
    unjudged,
    warn_of_early_end,
)
from ..worker.job import Job
from .together import Together
from .view import FinalizeView

_RETRIES = 1
_SECONDS_BETWEEN_LOOKS = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the chosen trials are trained again.

    Attributes:
        seeds: how often each.
        epochs: of each training; None: as `final_epochs` says.
        refit: on training and validation data together.
        ensemble: test the average of a trial's seeds beside them.
    """

    seeds: int
    epochs: int | None = None
    refit: bool = False
    ensemble: bool = False

    def epochs_of(self, trial: FrozenTrial, request: Request) -> int:
        """Return the epochs that a trial is trained for."""
        if self.epochs is not None:
            return self.epochs
        return final_epochs(trial, request, refit=self.refit)

    def record(self, known: Mapping[str, Any], epochs: int) -> Record:
        """Return what is known of a trial that was trained so before."""
        return Record.read(known, epochs, refit=self.refit, given=self.epochs is not None)


def finalize(
    ledger: Ledger, numbers: Sequence[int], plan: Plan, source: Source, location: Location
) -> None:
    """Train trials anew with several seeds each, test them, and write it all into the ledger.

    A seed that has been done before is not done again, and stays where fewer are asked for: an
    ensemble is of all. Where one is asked for that is not there, what was tested before answers by
    its weights, if they are kept. What was trained for other epochs, or with a refit and is now to
    be without, stays beside; what is asked for now is what the run then tells of the trial. The
    seeds are others than the search's own: the candidate was chosen for how well it did with those.
    Where the task offers a baseline for a candidate (`training.has_baseline`), that is trained and
    tested with the same seeds.

    The weights of the trials' seeds are kept below `location`, the run's checkpoints.
    """
    request = ledger.request
    trials = ledger.trials()
    task = source.load()
    records: dict[int, dict[bool, Record]] = {}
    besides: dict[int, dict[str, Any]] = {}
    together: dict[int, Together] = {}
    works: list[Work] = []
    for number in numbers:
        trial = trials[number]
        key = trial.user_attrs["key"]
        epochs = plan.epochs_of(trial, request)
        warn_of_early_end(trial, epochs)
        asked = [trial_seed(request.seed, key, request.trainings + i) for i in range(plan.seeds)]
        stored = finalized(ledger.study, number)
        known, besides[number] = parted(stored, epochs, refit=plan.refit)
        compared = has_baseline(Candidate.from_dict(trial.user_attrs["candidate"]), task)
        records[number] = {False: plan.record(known, epochs)}
        if compared:
            records[number][True] = plan.record(known.get(BASELINE, NO_RECORD), epochs)
        wanted = list(dict.fromkeys([*asked, *records[number][False].scores]))
        tested_together = records[number][False].ensemble.get("members") == wanted
        if plan.ensemble and len(wanted) > 1 and not tested_together:
            together[number] = Together(task, wanted, epochs)
        for baseline, record in records[number].items():
            record.seeds = wanted
            answers = number in together and not baseline
            due = tuple(seed for seed in wanted if answers or seed not in record.scores)
            if due:
                job = _job(ledger, trial, due, epochs, source, plan)
                tested = {seed: record.scores[seed] for seed in due if seed in record.scores}
                works.append(Work(job, baseline, str(location), answers=answers, tested=tested))
        # Told now: where all of it was tested before, no training is left to tell it after.
        if known in stored.get(OTHERS, ()):
            ledger.note(finalized_key(number), _stored(records[number], besides[number]))
    works = _with_room(works, location, request.checkpoint_bytes)
    total = sum(len(work.job.seeds) for work in works)
    with FinalizeView(total, next(iter(request.objectives))) as view:
        try:
            for work, outcomes in _run(grouped(works, request, task), request.workers, view.waits):
                number = work.job.number
                pair = records[number]
                for seed, outcome in outcomes.items():
                    if not (outcome.score.reason and seed in work.tested):
                        pair[work.baseline].scores[seed] = outcome.score
                    if work.answers:
                        pair[False].ensemble = together[number].take(seed, outcome.outputs)
                    view.took(work, seed, outcome)
                ledger.note(finalized_key(number), _stored(pair, besides[number]))
        except exceptions.RayError as error:
            # The raylet has died, say: Ray has a name of its own for each way to notice.
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise RunBrokenError(last) from error
        except STORAGE_ERRORS as error:
            raise RunBrokenError(said(error)) from error


def _stored(pair: Mapping[bool, Record], besides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a trial: its record, its baseline's, and what stands beside."""
    compared_with = {BASELINE: pair[True].to_dict()} if True in pair else {}
    return {**pair[False].to_dict(), **compared_with, **besides}


def _with_room(works: Sequence[Work], location: Location, limit: int) -> list[Work]:
    """Return the works with a share of the room that is left for weights, for each trial's seed."""
    trained = sum(len(work.job.seeds) for work in works if not work.baseline)
    room = max(0, limit - sum(own_sizes(location).values())) // max(1, trained)
    return [dataclasses.replace(work, room=room) for work in works]


def grouped(works: Sequence[Work], request: Request, task: LoadedTask) -> list[Work]:
    """Return the works in parts that a worker does at once.

    The seeds of a trial are trained side by side, as many as the run's ``population`` allows or
    pays, but in so many parts that no worker is without one.
    """
    trials = max(1, sum(not work.baseline for work in works))
    parts = math.ceil(request.workers / trials)
    found = []
    for work in works:
        seeds = work.job.seeds
        most = 1
        if not work.baseline:
            most = request.population or (
                paying(work.job.candidate, task) if request.device == "cpu" else 1
            )
        size = min(most, math.ceil(len(seeds) / parts))
        found += [work.with_seeds(seeds[at : at + size]) for at in range(0, len(seeds), size)]
    return found


def _job(
    ledger: Ledger,
    trial: FrozenTrial,
    seeds: tuple[int, ...],
    epochs: int,
    source: Source,
    plan: Plan,
) -> Job:
    request = ledger.request
    candidate = Candidate.from_dict(trial.user_attrs["candidate"])
    return Job(
        number=trial.number,
        candidate=unjudged(candidate) if plan.refit else candidate,
        refit=plan.refit,
        seeds=seeds,
        source=source,
        objectives=tuple(request.objectives),
        epochs=epochs,
        device=request.device,
        gpus=trial.user_attrs.get("gpus", request.gpus_per_trial),
        threads=request.threads,
    )


def _run(
    works: Sequence[Work], workers: int, waits: Callable[[], None]
) -> Iterator[tuple[Work, dict[int, Outcome]]]:
    """Do the works on the cluster, at most `workers` at once; give each with what it came to.

    Args:
        works: what to do.
        workers: how many at once.
        waits: called every few seconds while none has ended.
    """
    left = iter(works)
    pending = {_submit(work): work for work in itertools.islice(left, workers)}
    while pending:
        done = _first(list(pending), waits)
        work = pending.pop(done)
        try:
            outcomes = ray.get(done)
        except exceptions.WorkerCrashedError:
            outcomes = dict.fromkeys(work.job.seeds, Outcome(Score({}, {}, WORKER_DIED)))
        tried_again = again(work, outcomes)
        pending.update({_submit(one): one for one in tried_again})
        ended = {
            seed: outcome
            for seed, outcome in outcomes.items()
            if all(seed not in one.job.seeds for one in tried_again)
        }
        yield work, ended
        if not tried_again:
            pending.update({_submit(one): one for one in itertools.islice(left, 1)})


def again(work: Work, outcomes: Mapping[int, Outcome]) -> list[Work]:
    """Return what is to be tried again of a work: seeds that lacked memory, or a worker.

    Of several side by side half are tried at once, and one alone with a larger share of a GPU.
    """
    lacking = [
        seed
        for seed, outcome in outcomes.items()
        if outcome.score.reason == OUT_OF_MEMORY
        or (outcome.score.reason == WORKER_DIED and len(outcomes) > 1)
    ]
    if len(work.job.seeds) > 1:
        half = math.ceil(len(work.job.seeds) / 2)
        parts = [lacking[at : at + half] for at in range(0, len(lacking), half)]
        return [work.with_seeds(part) for part in parts]
    share = larger(work.job.gpus) if lacking else None
    return (
        []
        if share is None
        else [dataclasses.replace(work, job=dataclasses.replace(work.job, gpus=share))]
    )


def _first(
    pending: list[ray.ObjectRef[dict[int, Outcome]]], waits: Callable[[], None]
) -> ray.ObjectRef[dict[int, Outcome]]:
    """Wait for the first to be there; raises RunBrokenError when no node is left."""
    while True:
        done, _ = ray.wait(pending, timeout=_SECONDS_BETWEEN_LOOKS)
        if done:
            return done[0]
        if not heartbeat.nodes():
            raise RunBrokenError(heartbeat.NO_NODE)
        waits()


def _submit(work: Work) -> ray.ObjectRef[dict[int, Outcome]]:
    train = ray.remote(train_and_test)
    resources = train.options(num_cpus=1, num_gpus=work.job.gpus, max_retries=_RETRIES)
    return resources.remote(work)
