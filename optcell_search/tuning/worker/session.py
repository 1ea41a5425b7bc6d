"""One trial of the ledger in training: an epoch at a time, with a checkpoint after each. No Ray."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

import torch

from optcell_search.space import Candidate, is_mixture
from optcell_search.training import Training, read_mixture
from optcell_search.training.budget import own_epochs

from ...ledger.storage.passwords import without_password
from ..store import checkpoints
from ..store.checkpoints import CheckpointError
from ..store.file_systems import Location
from .ending import check_objectives, out_of_memory, release
from .job import Job, Report
from .loading import kept_fold, tasks_of
from .side_by_side import SideBySide

# With how many a trial took the steps of an epoch, its own trainings or other trials, among its
# metrics; where one training took them alone, nothing is said.
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
        self._folds: dict[str, list[float]] = {}
        self._restore()

    def advance(self) -> Report:
        """Train one more epoch and report; first of all, report what the checkpoint held.

        Raises:
            DivergedError: a loss, a gradient or an objective is not finite.
            CheckpointError: a checkpoint cannot be written.
            Exception: whatever the task, the cell or the rule raises.
        """
        return self.restored() or self.take(self._each())

    def restored(self) -> Report | None:
        """Report what the checkpoint held, once; None: it held nothing, or has been told.

        It is told before more is trained, so that a scheduler can still stop the trial.
        """
        if not self._news:
            return None
        self._news = False
        return self._report(sorted(self._history))

    def take(self, each: Sequence[Mapping[str, float]], company: int = 1) -> Report:
        """Take in what an epoch of every training came to, write the checkpoint, and report.

        Args:
            each: metrics, one set a training.
            company: with how many trials it took its steps, itself included.

        Raises:
            DivergedError: an objective is not finite.
            CheckpointError: a checkpoint cannot be written.
        """
        self._take(each, company)
        return self._report([self.epoch])

    def _report(self, told: Sequence[int]) -> Report:
        done = self.epoch >= self._epochs
        return Report(
            number=self.job.number,
            epoch=self.epoch,
            metrics={epoch: self._history[epoch] for epoch in told},
            spread=self._spread,
            folds=self._folds,
            gradients=self._gradients() if done else {},
            mixture=self._mixture() if done else {},
            done=done,
            files=self._files,
        )

    @property
    def kept(self) -> int:
        """The fold whose weights in the first repeat stand for the trial; see `kept_fold`."""
        return kept_fold(self.trainings[0].task, self.job.folds)

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

    def _mixture(self) -> dict[str, dict[str, float]]:
        candidate = self.job.candidate
        if not is_mixture(candidate):
            return {}
        return read_mixture(candidate, [(one.model, one.task) for one in self.trainings])

    def _take(self, each: Sequence[Mapping[str, float]], company: int = 1) -> None:
        epoch = self.epoch + 1
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
            count = self.job.folds
            if count > 1:
                # Trainings go through the folds in turn, once a repeat.
                self._folds = {
                    name: [statistics.fmean(e[name] for e in each[k::count]) for k in range(count)]
                    for name in self.job.objectives
                }
            metrics[POPULATION] = float(self._side_by_side.company)
        elif company > 1:
            metrics[POPULATION] = float(company)
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
            half = self._side_by_side.size // 2
            self.forget()
            self.again(half)

    def forget(self) -> None:
        """Let go of the trainings, whose weights may be no epoch's; `again` makes them anew."""
        self._trained = self.epoch
        del self._side_by_side, self.trainings
        release()

    def again(self, most: int = 1) -> None:
        """Come to the last epoch's end again, from the checkpoint where there is one.

        Args:
            most: trainings to take side by side.
        """
        epoch = self._trained
        self._begin(most)
        self._news = False
        while self.epoch < epoch:
            self._take(self._each())

    def _save(self, location: Location) -> None:
        contents: dict[str, bytes] = {}
        if self.epoch >= self._epochs:
            weights = self.trainings[self.kept].model.state_dict()
            contents[checkpoints.WEIGHTS] = checkpoints.weights_bytes(
                weights, {checkpoints.FOLD: self.kept}
            )
        state = {
            "candidate": self.job.candidate.to_dict(),
            "seeds": list(self.job.seeds),
            "history": self._history,
            "spread": self._spread,
            "folds": self._folds,
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
        # One that an older version wrote has none; its next epoch has.
        self._folds = state.get("folds", {})
        self._news = True
