"""One seed of a chosen candidate, trained to its end and then tested. No Ray."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from optuna.trial import FrozenTrial
from torch import Tensor

from optcell_search.cells.building import AnyModel
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import whole_task
from optcell_search.training import Training, examine, feedforward_baseline, outputs_on
from optcell_search.training.schedule import changes

from ...ledger.format import METRICS
from ...ledger.request import Request
from ...ledger.trials.scores import Score
from ..store.checkpoints import CheckpointError
from ..store.file_systems import Location
from ..store.finalized_weights import save
from .job import Job
from .session import Session, failure, release


@dataclass(frozen=True)
class Work:
    """One seed of a trial, or of the network that the trial is compared with.

    Args:
        job: what to train.
        baseline: whether it is that network.
        keep: where the weights of the trial's seed are kept.
        room: bytes that they may take.
        answers: whether the outputs on the splits are wanted, too.
    """

    job: Job
    baseline: bool
    keep: str = ""
    room: int = 0
    answers: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one seed came to, and its outputs by split if they were wanted."""

    score: Score
    outputs: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)


def unjudged(candidate: Candidate) -> Candidate:
    """Return a candidate that is trained for all its epochs, with no validation to go by."""
    training = dataclasses.replace(candidate.training, weights="last", patience=0)
    return dataclasses.replace(candidate, training=training)


def final_epochs(trial: FrozenTrial, request: Request, *, refit: bool) -> int:
    """Return the budget of a trial that is trained again, of which it takes its share.

    That of the search, where a learning rate follows a schedule: its end is what was judged, and a
    shorter training would be another one. Where the search had no time for as many epochs as suit
    the data, a schedule is stretched to these. Without a schedule, and on training and validation
    data together, as many epochs as were best in the search, in the mean over folds and repeats.
    """
    training = Candidate.from_dict(trial.user_attrs["candidate"]).training
    if changes(training):
        return request.uncut_epochs or request.epochs
    # A run from before it was noted has none.
    best = trial.user_attrs[METRICS].get("best_epoch")
    if not refit or best is None:
        return request.epochs
    return max(1, round(float(best) / training.share))


def train_and_test(work: Work) -> Outcome:
    """Train a candidate, or its baseline, with one seed, then score it on the test split.

    Raises:
        CheckpointError: its weights cannot be written.
    """
    job = work.job
    try:
        outcome = _of_baseline(job) if work.baseline else _of_candidate(work)
    except CheckpointError:
        # Of the run, not of this candidate.
        raise
    except Exception as error:
        # As in the search: what a plug-in does wrong is a result of this candidate.
        outcome = Outcome(Score({}, {}, failure(job.number, error).reason))
    release()
    return outcome


def _of_candidate(work: Work) -> Outcome:
    job = work.job
    session = Session(job)
    report = session.advance()
    while not report.done:
        report = session.advance()
    # Loaded anew, for this alone: the task that searches share in this process stays sealed.
    task = job.source.load().to(job.device)
    model = session.trainings[0].model
    score = _tested(model, task, report.metrics[report.epoch], refit=job.refit)
    outputs = {}
    if work.answers:
        outputs["test"] = outputs_on(model, task.test, task)
        # What has been trained on is no validation.
        if not job.refit:
            outputs["validation"] = outputs_on(model, task.validation, task)
    save(Location(work.keep), model.state_dict(), work.room)
    return Outcome(score, outputs)


def _of_baseline(job: Job) -> Outcome:
    torch.set_num_threads(job.threads)
    baseline, stacked = feedforward_baseline(job.candidate, job.source.load())
    task = stacked.to(job.device)
    seen = whole_task(task) if job.refit else task
    training = Training(baseline, seen, seed=job.seeds[0], device=job.device, epochs=job.epochs)
    for _ in range(job.epochs):
        metrics = training.epoch()
    return Outcome(_tested(training.model, task, metrics, refit=job.refit))


def _tested(model: AnyModel, task: LoadedTask, metrics: dict[str, float], *, refit: bool) -> Score:
    test, diagnosis = examine(model, task.unseal(), task)
    # What has been trained on is no validation.
    validation = {} if refit else {name: metrics[name] for name in test}
    return Score(validation, test, diagnosis=diagnosis)
