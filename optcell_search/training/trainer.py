"""One candidate trained on one task, epoch by epoch, to the same numbers every time.

A training is a function of candidate, task, seed and machine (with its number of threads). It
draws from random streams of its own, made anew for every epoch from (seed, epoch), so neither the
trainings that ran before in the process nor an interruption between two epochs changes it.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.clip_grad import clip_grad_norm_

from optcell_search.cells.building import AnyModel
from optcell_search.cells.model import ModelState
from optcell_search.cells.state import State
from optcell_search.space import Candidate
from optcell_search.tasks import Batch, LoadedTask
from optcell_search.training.budget import limits
from optcell_search.training.divergence import DivergedError, Watch
from optcell_search.training.fitting import check_candidate
from optcell_search.training.keeping import Record, apart, check_same
from optcell_search.training.measuring.properties import (
    count_parameters,
    gradient_curve,
    gradient_norms,
    latency,
)
from optcell_search.training.measuring.scoring import answer, evaluate
from optcell_search.training.passing import Pass
from optcell_search.training.recipe.augmentation import augmentation_of
from optcell_search.training.recipe.averaging import Average
from optcell_search.training.recipe.groups import restore
from optcell_search.training.recipe.losses import CandidateLoss
from optcell_search.training.recipe.optimizers import optimizer_of
from optcell_search.training.recipe.schedule import Schedule, changes, steps_in
from optcell_search.training.streams import Stream, stream_seed


class Stepped(NamedTuple):
    """What a step of a training came to: loss, norm of its gradient before clipping, and state.

    The state goes from piece to piece where the task takes its sequences in pieces.
    """

    loss: Tensor
    norm: Tensor
    state: State | ModelState | None


class Training:
    """A candidate being trained on a task.

    Args:
        candidate: what to train.
        task: what to train it on; it is moved to `device`.
        seed: of the initial weights, the order of the examples and dropout.
        device: where to train.
        epochs: how many it will be trained; needed where the learning rate changes over them, or
            where the candidate takes a share of them (``training.share``).

    The first ``training.pretrain_epochs`` epochs are trained on the task's pre-training data, the
    others on its training data; both count as epochs. The loss is the task's plus, for each
    penalty of the candidate, weight · mean violation.

    Attributes:
        candidate, task, seed, device: as given; the task is on the device.
        model: what the training has come to so far, in place of which more is trained where its
            weights are to be averaged (``training.averaging``) or those of the best epoch
            (``training.weights``).
        live: the model that is trained.
        optimizer, loss: of its weights, and what a step of it is to lower.
        average: the moving average of its weights, where there is one.
        epochs: how many epochs it has been trained.
        steps: how many steps of the optimizer.
        train_seconds: seconds of training so far, evaluation and measuring left out.

    Raises:
        ValueError: the candidate asks for what the task lacks the data for or what does not fit it,
            or for a schedule or a share without a known number of epochs.
    """

    def __init__(
        self,
        candidate: Candidate,
        task: LoadedTask,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        epochs: int | None = None,
    ) -> None:
        self.candidate = candidate
        self.seed = seed
        self.device = torch.device(device)
        self.task = task.to(self.device)
        settings = candidate.training
        self.task.require(dict(candidate.penalties), pretraining=settings.pretrain_epochs > 0)
        check_candidate(candidate, self.task)
        self.epochs = 0
        self.train_seconds = 0.0
        self._latency_ms: float | None = None
        self._told: dict[str, float] = {}
        with Stream(self.device, stream_seed(seed, "weights", 0)):
            # Built on the CPU, so that the initial weights are the same on every device.
            self.live: AnyModel = candidate.build(self.task).to(self.device)
        self._weights = [p for p in self.live.parameters() if p.requires_grad]
        self.optimizer = optimizer_of(self.live, settings)
        self.steps = 0
        own, self._most = limits(epochs, settings.share)
        steps = steps_in(settings, self.task, own) if changes(settings) else None
        self._schedule = Schedule(settings, self.optimizer, steps)
        self.loss = CandidateLoss(candidate, self.task)
        self._augmentation = augmentation_of(candidate, self.task)
        self.average = Average(self.live, settings.averaging) if settings.averaging else None
        best = settings.weights == "best"
        self.model: AnyModel = copy.deepcopy(self._judged) if best else self._judged
        self._record = Record(self.task)

    def epoch(self) -> dict[str, float]:
        """Train one epoch and return where the candidate then stands.

        Where the weights of the best epoch are kept, that is where it stood after that one. Once
        ``training.patience`` or ``training.share`` is used up nothing more is trained.

        Returns:
            - ``epoch``: how many epochs it has been trained;
            - the task's metrics and ``loss``, on the validation split;
            - ``train_loss``: mean over the epoch's batches, as they were met;
            - ``best_epoch``: the best so far, by the first metric, then by the loss;
            - ``parameters``: trainable numbers in the model;
            - ``train_seconds``: seconds of training so far, evaluation and measuring left out;
            - ``latency_ms``: milliseconds for one sequence, see `latency`;
            - ``gradient_first``, ``gradient_last``: see `gradient_norms`; they are left
              out where they are not defined (two directions).

        Raises:
            DivergedError: a loss or a gradient is not finite. The training cannot be continued.
        """
        return self._waited() if self.exhausted else self.judged(self._train_epoch())

    def judged(self, train_loss: float) -> dict[str, float]:
        """Return what `epoch` does, once the weights have been trained for one more epoch.

        Args:
            train_loss: mean over the epoch's batches.
        """
        self.epochs += 1
        settings = self.candidate.training
        judged = self._judged
        scores = evaluate(judged, self.task.validation, self.task)
        if not math.isfinite(scores["loss"]):
            raise DivergedError(f"validation loss is {scores['loss']} after epoch {self.epochs}")
        best = self._record.take(
            scores, self.epochs, counted=self.epochs > settings.pretrain_epochs
        )
        if self.model is not judged:
            if best:
                self.model.load_state_dict(judged.state_dict())
            scores = self._record.scores
        if self._latency_ms is None:
            self._latency_ms = latency(self.model, self.task.validation, self.task.chunk)
        self._told = {
            "epoch": self.epochs,
            **scores,
            "train_loss": train_loss,
            "best_epoch": self._record.epoch,
            "parameters": count_parameters(self.model),
            "train_seconds": self.train_seconds,
            "latency_ms": self._latency_ms,
            **gradient_norms(self.model, self.task),
        }
        return self._told

    def _waited(self) -> dict[str, float]:
        """Let an epoch pass in which nothing is trained."""
        self.epochs += 1
        return {**self._told, "epoch": self.epochs}

    @property
    def _judged(self) -> AnyModel:
        return self.average.model if self.average else self.live

    @property
    def exhausted(self) -> bool:
        """Whether nothing more is trained: its share of the epochs or its patience is used up."""
        patience = self.candidate.training.patience or math.inf
        return self.epochs >= self._most or self._record.since >= patience

    def gradients(self) -> dict[int, float]:
        """Return, for the model as it stands, distance from the last step → norm.

        See `gradient_curve`; it is apart from what `epoch` returns, as it is measured once.
        """
        return gradient_curve(self.model, self.task)

    def begin(self) -> Pass:
        """Return the pass over the data that the next epoch is."""
        settings = self.candidate.training
        return Pass(settings, self.task, self.seed, self.epochs, self._augmentation)

    def _train_epoch(self) -> float:
        watch = Watch(self.device, self.epochs + 1)
        self.live.train()
        start = time.perf_counter()
        one = self.begin()
        step = 0
        with one.stream:
            for number in range(len(one.order)):
                batch = one.batch(number)
                state: State | ModelState | None = None
                for piece in batch.pieces(self.task.chunk):
                    done = self.step(piece, state)
                    one.note(done.loss, batch, piece)
                    state = done.state
                    step += 1
                    if watch.note([step], done.loss, done.norm):
                        watch.check()
            watch.check()
        self.train_seconds += time.perf_counter() - start
        return one.loss

    def step(self, batch: Batch, state: State | ModelState | None) -> Stepped:
        """Update the weights once, going on from a state."""
        self.prepare()
        self.optimizer.zero_grad()
        outputs, targets, state = answer(self.live, batch, self.task, state)
        loss = self.loss(outputs, targets, batch.drivers)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = clip_grad_norm_(self._weights, self.clip)
        self.optimizer.step()
        self.finish()
        return Stepped(loss.detach(), norm, state)

    @property
    def clip(self) -> float:
        """The largest norm of a gradient."""
        return self.candidate.training.clip or math.inf

    def prepare(self) -> None:
        """Set the learning rates of the next step."""
        self._schedule.set_for(self.steps)

    def finish(self) -> None:
        """Do what follows once the weights have been changed by a step."""
        self.live.after_step()
        self.steps += 1
        if self.average is not None:
            self.average.update(self.live, self.steps)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later `load_state_dict` needs to go on as if nothing had happened.

        Tensors and plain data only, so that ``torch.load(weights_only=True)`` reads it.
        """
        best = self.candidate.training.weights == "best"
        state = {
            "key": self.candidate.key,
            "seed": self.seed,
            "epochs": self.epochs,
            "train_seconds": self.train_seconds,
            "latency_ms": self._latency_ms,
            "model": self.live.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "record": self._record.state_dict(),
            "told": self._told,
            "average": self.average.model.state_dict() if self.average else {},
            "kept": self.model.state_dict() if best else {},
        }
        return {name: apart(part) for name, part in state.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where the training that gave `state` stood.

        Raises:
            ValueError: it was of another candidate or another seed.
        """
        check_same(state, {"key": self.candidate.key, "seed": self.seed})
        self.epochs = state["epochs"]
        self.train_seconds = state["train_seconds"]
        self._latency_ms = state["latency_ms"]
        self.live.load_state_dict(state["model"])
        restore(self.optimizer, self.live, state["optimizer"])
        if "steps" not in state:
            # Of 0.1, which had neither schedules nor patience: there is nothing else to restore.
            return
        self.steps, self._told = state["steps"], state["told"]
        self._record.load_state_dict(state["record"], self.epochs)
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])
        if self.candidate.training.weights == "best":
            self.model.load_state_dict(state["kept"])
