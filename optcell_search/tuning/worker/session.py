"""One trial of the ledger in training: an epoch at a time, with a checkpoint after each. No Ray."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping

import torch

from optcell_search.space import Candidate
from optcell_search.training import Training
from optcell_search.training.budget import own_epochs

from ...ledger.storage.passwords import without_password
from ..store import checkpoints
from ..store.checkpoints import CheckpointError
from ..store.file_systems import Location
from .ending import check_objectives, out_of_memory, release
from .job import Job, Report
from .loading import tasks_of
from .side_by_side import SideBySide

# With how many of its trainings side by side a trial was trained, among its metrics.
POPULATION = "population"


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
        self._begin(job.population)

    def _begin(self, most: int) -> None:
        """Start with so many trainings side by side, from the checkpoint where there is one."""
        job = self.job
        self.trainings = [
            Training(job.candidate, task, seed=seed, device=job.device, epochs=job.epochs)
            for seed, task in zip(job.seeds, itertools.cycle(tasks_of(job)), strict=False)
        ]
        self._epochs = own_epochs(job.epochs, job.candidate.training.share)
        self._side_by_side = SideBySide(self.trainings, most)
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
        each = self._each()
        metrics = {name: statistics.fmean(one[name] for one in each) for name in each[0]}
        check_objectives(metrics, epoch, self.job.objectives)
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

    def _each(self) -> list[dict[str, float]]:
        """Train one more epoch of each training; where memory ends, with half of them at a time."""
        while True:
            try:
                return self._side_by_side.epoch()
            except Exception as error:
                if self._side_by_side.size == 1 or not out_of_memory(error):
                    raise
            self._halve()

    def _halve(self) -> None:
        """Come to the last epoch's end again, with half as many trainings side by side.

        An epoch that was cut off leaves weights that are no epoch's, so they are made again.
        """
        epoch, half = self.epoch, self._side_by_side.size // 2
        # What the larger population holds goes before anything new is made.
        del self._side_by_side, self.trainings
        release()
        self._begin(half)
        self._news = False
        while self.epoch < epoch:
            self._train_epoch()

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
