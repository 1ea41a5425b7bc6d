"""Seeds of a chosen candidate, trained to their end and then tested. No Ray."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from optuna.trial import FrozenTrial
from torch import Tensor

from optcell_search.cells.building import AnyModel
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.joining import whole_task
from optcell_search.training import (
    DivergedError,
    Training,
    examine,
    examine_together,
    feedforward_baseline,
    outputs_on,
)
from optcell_search.training.budget import budget_of, own_epochs
from optcell_search.training.recipe.schedule import changes

from ...ledger.format import METRICS, REASON
from ...ledger.request import Request
from ...ledger.trials.scores import Score
from ..store.checkpoints import CheckpointError
from ..store.file_systems import Location
from ..store.finalized_weights import load, place, save
from .ending import failure, release
from .job import Job
from .seeds import Trained, train_seeds

# How far rounding may take the loss of the same weights apart, on another machine, say.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Work:
    """Seeds of a trial, or one of the network that the trial is compared with.

    Args:
        job: what to train; its seeds are trained side by side.
        baseline: whether it is that network.
        checkpoints: of the run, below which the weights of each of the trial's seeds are kept.
        room: bytes that those of one seed may take.
        answers: whether the outputs on the splits are wanted, too.
        tested: what seeds came to before, of which only answers are wanted; they are not trained
            again where their weights are kept.
    """

    job: Job
    baseline: bool
    checkpoints: str = ""
    room: int = 0
    answers: bool = False
    tested: Mapping[int, Score] = field(default_factory=dict)

    def with_seeds(self, seeds: Sequence[int]) -> Work:
        """Return the same work for other seeds."""
        return dataclasses.replace(self, job=dataclasses.replace(self.job, seeds=tuple(seeds)))


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
    data together, as many epochs as were best in the search, in the mean over folds and repeats;
    of a trial that ended early nobody knows that, so it is trained for the search's epochs.
    """
    training = Candidate.from_dict(trial.user_attrs["candidate"]).training
    if changes(training):
        return request.uncut_epochs or request.epochs
    # A run from before it was noted has none.
    best = trial.user_attrs[METRICS].get("best_epoch")
    if not refit or best is None or ended_early(trial):
        return request.epochs
    return budget_of(max(1, round(float(best))), training.share)


def ended_early(trial: FrozenTrial) -> str:
    """Return why a trial that completed had not come to its end; empty where it had."""
    return str(trial.user_attrs.get(REASON) or "")


def warn_of_early_end(trial: FrozenTrial, epochs: int) -> None:
    """Warn that a trial is chosen for less than the training that it gets now, where it is so.

    Args:
        trial: that is trained again.
        epochs: the budget it is trained with.
    """
    if why := ended_early(trial):
        share = Candidate.from_dict(trial.user_attrs["candidate"]).training.share
        warnings.warn(
            f"trial {trial.number} ended early in the search ({why}): what it comes to after "
            f"{own_epochs(epochs, share)} epochs, which it is trained for now, has not been judged",
            stacklevel=3,
        )


def train_and_test(work: Work) -> dict[int, Outcome]:
    """Train a candidate with some seeds, or its baseline with one, then score it on the test split.

    Returns:
        Seed → what it came to.

    Raises:
        CheckpointError: its weights cannot be written.
    """
    job = work.job
    try:
        outcomes = _of_baseline(job) if work.baseline else _of_candidate(work)
    except CheckpointError:
        # Of the run, not of this candidate.
        raise
    except Exception as error:
        # As in the search: what a plug-in does wrong is a result of this candidate.
        outcomes = dict.fromkeys(job.seeds, _failed(job, error))
    release()
    return outcomes


def _failed(job: Job, error: Exception) -> Outcome:
    return Outcome(Score({}, {}, failure(job.number, error).reason, together=job.seeds))


def _of_candidate(work: Work) -> dict[int, Outcome]:
    kept = _kept(work)
    left = [seed for seed in work.job.seeds if seed not in kept]
    return kept | (_of_seeds(work.with_seeds(left)) if left else {})


def _kept(work: Work) -> dict[int, Outcome]:
    """Return what seeds answer that have been tested before, where their weights are kept.

    They are taken if they score as noted: a `finalize` that was killed leaves others behind.
    """
    job = work.job
    tested = {seed: score for seed, score in work.tested.items() if seed in job.seeds}
    if not tested:
        return {}
    torch.set_num_threads(job.threads)
    task = job.source.load(whole=True).to(job.device)
    test = task.unseal()
    model = job.candidate.build(task).to(job.device)
    found = {}
    for seed, score in tested.items():
        weights = load(Location(work.checkpoints), job.number, seed, job.epochs, job.refit)
        if weights is None:
            continue
        model.load_state_dict(weights)
        outputs = _outputs(model, task, job)
        scores, _ = examine_together([outputs["test"]], test, task)
        if math.isclose(scores["loss"], score.test["loss"], rel_tol=_ROUNDING):
            found[seed] = Outcome(score, outputs)
    return found


def _of_seeds(work: Work) -> dict[int, Outcome]:
    job = work.job
    ended = train_seeds(job)
    # Loaded anew, for this alone: the task that searches share in this process stays sealed.
    task = job.source.load(whole=True).to(job.device)
    return {
        seed: _failed(job, one) if isinstance(one, DivergedError) else _of_seed(work, one, task)
        for seed, one in ended.items()
    }


def _of_seed(work: Work, trained: Trained, task: LoadedTask) -> Outcome:
    job, model, seed = work.job, trained.training.model, trained.training.seed
    score = _tested(model, task, trained.metrics, job)
    outputs = _outputs(model, task, job) if work.answers else {}
    where = place(Location(work.checkpoints), job.number, seed, job.refit)
    save(where, model.state_dict(), job.epochs, work.room)
    return Outcome(score, outputs)


def _outputs(model: AnyModel, task: LoadedTask, job: Job) -> dict[str, list[Tensor]]:
    """Return a model's outputs by split; what has been trained on is no validation."""
    splits = (
        {"test": task.test} if job.refit else {"test": task.test, "validation": task.validation}
    )
    return {name: outputs_on(model, split, task) for name, split in splits.items()}


def _of_baseline(job: Job) -> dict[int, Outcome]:
    torch.set_num_threads(job.threads)
    baseline, stacked = feedforward_baseline(job.candidate, job.source.load())
    task = stacked.to(job.device)
    seen = whole_task(task) if job.refit else task
    (seed,) = job.seeds
    training = Training(baseline, seen, seed=seed, device=job.device, epochs=job.epochs)
    for _ in range(job.epochs):
        metrics = training.epoch()
    return {seed: Outcome(_tested(training.model, task, metrics, job))}


def _tested(model: AnyModel, task: LoadedTask, metrics: dict[str, float], job: Job) -> Score:
    test, diagnosis = examine(model, task.unseal(), task)
    # What has been trained on is no validation.
    validation = {} if job.refit else {name: metrics[name] for name in test}
    return Score(validation, test, diagnosis=diagnosis, together=job.seeds)
