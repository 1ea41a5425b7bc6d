"""One trial of the ledger in training: an epoch at a time, with a checkpoint after each. No Ray."""

from __future__ import annotations

import functools
import gc
import itertools
import math
import statistics
import traceback
from collections.abc import Mapping

import torch

from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import fold, whole_task
from optcell_search.training import DivergedError, Training
from optcell_search.training.budget import own_epochs

from ...ledger.storage.passwords import without_password
from ...ledger.trials.reasons import DIVERGED, OUT_OF_MEMORY, unexpected
from ..cluster.data_transfer import Source
from ..store import checkpoints
from ..store.checkpoints import CheckpointError
from ..store.file_systems import Location
from .job import Job, Report
from .side_by_side import SideBySide

# With how many of its trainings side by side a trial was trained, among its metrics.
POPULATION = "population"
_ALLOCATOR = "DefaultCPUAllocator"


@functools.lru_cache(maxsize=2)
def load_task(source: Source, device: str) -> LoadedTask:
    """Load a task once a process: its data is read again for every candidate otherwise."""
    return source.load().to(device)


@functools.lru_cache(maxsize=1)
def load_folds(source: Source, device: str, folds: int, seed: int) -> tuple[LoadedTask, ...]:
    """Deal a task's data into folds once a process."""
    task = load_task(source, device)
    return tuple(fold(task, number, folds, seed) for number in range(folds))


def _tasks(job: Job) -> tuple[LoadedTask, ...]:
    if job.folds == 1:
        task = load_task(job.source, job.device)
        return (whole_task(task) if job.refit else task,)
    return load_folds(job.source, job.device, job.folds, job.fold_seed)


class Session:
    """Trains one trial, from its checkpoint where there is one.

    Args:
        job: what to train.

    Raises:
        CheckpointError: a checkpoint cannot be read.
        Exception: whatever the task, the cell or the rule raises.
    """

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.job = job
        self._location = Location(job.checkpoints) if job.checkpoints else None
        self._files: dict[str, int] = {}
        self.trainings = [
            Training(job.candidate, task, seed=seed, device=job.device, epochs=job.epochs)
            for seed, task in zip(job.seeds, itertools.cycle(_tasks(job)), strict=False)
        ]
        self._epochs = own_epochs(job.epochs, job.candidate.training.share)
        self._side_by_side = SideBySide(self.trainings, job.population)
        self._history: dict[int, dict[str, float]] = {}
        self._news = False
        self._spread: dict[str, float] = {}
        self._restore()

    def advance(self) -> Report:
        """Train one more epoch and report; first of all, report what the checkpoint held.

        Raises:
            DivergedError: a loss, a gradient or an objective is not finite.
            CheckpointError: a checkpoint cannot be written.
            Exception: whatever the task, the cell or the rule raises.
        """
        # What is restored is told before more is trained, so that a scheduler can still stop it.
        restored, self._news = self._news, False
        if not restored:
            self._train_epoch()
        told = set(self._history) if restored else {self.epoch}
        done = self.epoch >= self._epochs
        return Report(
            number=self.job.number,
            epoch=self.epoch,
            metrics={epoch: self._history[epoch] for epoch in sorted(told)},
            spread=self._spread,
            gradients=self._gradients() if done else {},
            done=done,
            files=self._files,
        )

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return max(self._history, default=0)

    @property
    def history(self) -> Mapping[int, dict[str, float]]:
        """Epoch → metrics, means over the seeds."""
        return self._history

    def _gradients(self) -> dict[int, float]:
        each = [training.gradients() for training in self.trainings]
        # The longest sequence of one fold may be longer than any of another.
        shared = [distance for distance in each[0] if all(distance in one for one in each)]
        return {distance: statistics.fmean(one[distance] for one in each) for distance in shared}

    def _train_epoch(self) -> None:
        epoch = self.epoch + 1
        each = self._side_by_side.epoch()
        metrics = {name: statistics.fmean(one[name] for one in each) for name in each[0]}
        for name in self.job.objectives:
            if not math.isfinite(metrics[name]):
                raise DivergedError(f"{name} is {metrics[name]} after epoch {epoch}")
        self._history[epoch] = metrics
        if len(each) > 1:
            # A fold of one class has no area under the curve: what is no number has no spread.
            self._spread = {
                name: statistics.stdev(one[name] for one in each)
                for name, mean in metrics.items()
                if math.isfinite(mean)
            }
            metrics[POPULATION] = float(self._side_by_side.size)
        if self._location is not None:
            self._save(self._location)

    def _save(self, location: Location) -> None:
        contents: dict[str, bytes] = {}
        if self.epoch >= self._epochs:
            weights = self.trainings[0].model.state_dict()
            contents[checkpoints.WEIGHTS] = checkpoints.weights_bytes(weights)
        state = {
            "candidate": self.job.candidate.to_dict(),
            "seeds": list(self.job.seeds),
            "history": self._history,
            "spread": self._spread,
            "trainings": [training.state_dict() for training in self.trainings],
        }
        contents[checkpoints.TRAINING] = checkpoints.training_bytes(state)
        self._files = {name: len(content) for name, content in contents.items()}
        if sum(self._files.values()) > self.job.checkpoint_bytes:
            # The run does without, rather than take more room than it was given.
            self._files = {}
            return
        try:
            for name, content in contents.items():
                location.write(name, content)
        except OSError as error:
            raise CheckpointError(without_password(f"checkpoints {location}: {error}")) from error

    def _restore(self) -> None:
        if self._location is None:
            return
        try:
            state = checkpoints.load_training(self._location, self.job.device)
        except OSError as error:
            raise CheckpointError(
                without_password(f"checkpoints {self._location}: {error}")
            ) from error
        if state is None or Candidate.from_dict(state["candidate"]) != self.job.candidate:
            return
        if state["seeds"] != list(self.job.seeds):
            return
        for training, saved in zip(self.trainings, state["trainings"], strict=True):
            training.load_state_dict(saved)
        self._history, self._spread = state["history"], state["spread"]
        self._news = True


def release() -> None:
    """Give a GPU back what an ended training held there: other workers may wait for the room.

    To be called when nothing refers to the training any more, the exception it ended with included.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        torch.cuda.empty_cache()


def failure(number: int, error: Exception) -> Report:
    """Turn an exception into the report of a trial that failed."""
    if isinstance(error, CheckpointError):
        return Report(number=number, broken=str(error), done=True)
    if isinstance(error, DivergedError):
        return Report(number=number, reason=DIVERGED, detail=str(error), done=True)
    exhausted = isinstance(error, MemoryError | torch.OutOfMemoryError) or _ALLOCATOR in str(error)
    if exhausted:
        return Report(number=number, reason=OUT_OF_MEMORY, detail=str(error), done=True)
    return Report(number=number, reason=unexpected(error), detail=traceback.format_exc(), done=True)
