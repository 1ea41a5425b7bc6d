"""One candidate trained on one task, epoch by epoch, to the same numbers every time.

A training is a function of candidate, task, seed and machine (with its number of threads). It
draws from random streams of its own, made anew for every epoch from (seed, epoch), so neither the
trainings that ran before in the process nor an interruption between two epochs changes it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.clip_grad import clip_grad_norm_

from optcell_search import registry
from optcell_search.cells.building import AnyModel
from optcell_search.cells.model import ModelState
from optcell_search.cells.state import State
from optcell_search.penalties import Penalty
from optcell_search.space import Candidate
from optcell_search.tasks import Batch, LoadedTask
from optcell_search.training import batches
from optcell_search.training.augmentation import Augmentation, augments
from optcell_search.training.averaging import Average
from optcell_search.training.divergence import DivergedError, Watch
from optcell_search.training.fitting import check_candidate
from optcell_search.training.keeping import Record
from optcell_search.training.losses import own_loss
from optcell_search.training.measuring import (
    count_parameters,
    gradient_curve,
    gradient_norms,
    latency,
)
from optcell_search.training.optimizers import optimizer_of
from optcell_search.training.schedule import Schedule, changes, steps_in
from optcell_search.training.scoring import answer, evaluate
from optcell_search.training.streams import random_stream, stream_seed

# Reading a number from a GPU waits for all its queued work, so it is done rarely there.
_STEPS_BETWEEN_CHECKS = {"cpu": 1, "cuda": 50}


class Training:
    """A candidate being trained on a task.

    Args:
        candidate: what to train.
        task: what to train it on; it is moved to `device`.
        seed: of the initial weights, the order of the examples and dropout.
        device: where to train.
        epochs: how many it will be trained; needed where the learning rate changes over them.

    The first ``training.pretrain_epochs`` epochs are trained on the task's pre-training data, the
    others on its training data; both count as epochs. The loss is the task's plus, for each
    penalty of the candidate, weight · mean violation.

    Attributes:
        model: what the training has come to so far, in place of which more is trained where its
            weights are to be averaged (``training.averaging``) or those of the best epoch
            (``training.weights``).
        epochs: how many epochs it has been trained.

    Raises:
        ValueError: the candidate asks for what the task lacks the data for or what does not fit it,
            or for a schedule without a known number of epochs.
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
        terms = dict(candidate.penalties)
        settings = candidate.training
        self.task.require(terms, pretraining=settings.pretrain_epochs > 0)
        check_candidate(candidate, self.task)
        self._terms: list[Penalty] = [
            registry.penalties.get(name)(**dict(options)) for name, options in terms.items()
        ]
        self.epochs = 0
        self._train_seconds = 0.0
        self._latency_ms: float | None = None
        self._told: dict[str, float] = {}
        with random_stream(self.device, stream_seed(seed, "weights", 0)):
            # Built on the CPU, so that the initial weights are the same on every device.
            self._live: AnyModel = candidate.build(self.task).to(self.device)
        self._weights = [p for p in self._live.parameters() if p.requires_grad]
        self._optimizer = optimizer_of(self._live, settings)
        self._steps = 0
        steps = steps_in(settings, self.task, epochs) if changes(settings) else None
        self._schedule = Schedule(settings, self._optimizer, steps)
        self._loss = own_loss(settings, self.task)
        categories = [place for place, _ in self.task.embedded]
        self._augmentation = (
            Augmentation(settings, self.task.train, categories) if augments(settings) else None
        )
        self._average = Average(self._live, settings.averaging) if settings.averaging else None
        judged = self._average.model if self._average else self._live
        self.model: AnyModel = copy.deepcopy(judged) if settings.weights == "best" else judged
        self._record = Record(self.task)

    def epoch(self) -> dict[str, float]:
        """Train one epoch and return where the candidate then stands.

        Where the weights of the best epoch are kept, that is where it stood after that one. Once
        ``training.patience`` is used up nothing more is trained.

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
        if self.exhausted:
            self.epochs += 1
            return {**self._told, "epoch": self.epochs}
        train_loss = self._train_epoch()
        self.epochs += 1
        settings = self.candidate.training
        judged = self._average.model if self._average else self._live
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
            "train_seconds": self._train_seconds,
            "latency_ms": self._latency_ms,
            **gradient_norms(self.model, self.task),
        }
        return self._told

    @property
    def exhausted(self) -> bool:
        """Whether so many epochs were no better than the best that nothing more is trained."""
        patience = self.candidate.training.patience
        return bool(patience) and self._record.since >= patience

    def gradients(self) -> dict[int, float]:
        """Return, for the model as it stands, distance from the last step → norm.

        See `gradient_curve`; it is apart from what `epoch` returns, as it is measured once.
        """
        return gradient_curve(self.model, self.task)

    def _train_epoch(self) -> float:
        train = self.task.train
        if self.epochs < self.candidate.training.pretrain_epochs:
            assert self.task.pretraining is not None
            train = self.task.pretraining
        shuffle = torch.Generator().manual_seed(stream_seed(self.seed, "order", self.epochs))
        order = batches.shuffled(train, self.candidate.training.batch_size, shuffle)
        check_every = _STEPS_BETWEEN_CHECKS.get(self.device.type, 1)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        watch = Watch(self.device, self.epochs + 1)
        self._live.train()
        start = time.perf_counter()
        with random_stream(self.device, stream_seed(self.seed, "dropout", self.epochs)):
            step = 0
            for index in order:
                batch = train.take(index)
                if self._augmentation is not None:
                    batch = self._augmentation(batch)
                state: State | ModelState | None = None
                for piece in batch.pieces(self.task.chunk):
                    loss, norm, state = self._step(piece, state)
                    share = piece.inputs.shape[1] / batch.inputs.shape[1]
                    total += loss.double() * len(batch) * share
                    step += 1
                    watch.note(step, loss, norm)
                    if step % check_every == 0:
                        watch.check()
            watch.check()
        self._train_seconds += time.perf_counter() - start
        return float(total) / len(train)

    def _step(
        self, batch: Batch, state: State | ModelState | None
    ) -> tuple[Tensor, Tensor, State | ModelState | None]:
        """Update the weights; return the loss, the norm of its gradient before clipping, a state.

        The state goes from piece to piece where the task takes its sequences in pieces.
        """
        self._schedule.set_for(self._steps)
        self._optimizer.zero_grad()
        outputs, targets, state = answer(self._live, batch, self.task, state)
        loss = (self._loss or self.task.loss)(outputs, targets)
        predictions = self.task.goal.predictions(outputs)
        for term in self._terms:
            loss = loss + term.weight * term.penalty(predictions, batch.drivers)
        loss.backward()  # type: ignore[no-untyped-call]
        clip = self.candidate.training.clip or math.inf
        norm = clip_grad_norm_(self._weights, clip)
        self._optimizer.step()
        self._live.after_step()
        self._steps += 1
        if self._average is not None:
            self._average.update(self._live, self._steps)
        return loss.detach(), norm, state

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later `load_state_dict` needs to go on as if nothing had happened.

        Tensors and plain data only, so that ``torch.load(weights_only=True)`` reads it.
        """
        return {
            "key": self.candidate.key,
            "seed": self.seed,
            "epochs": self.epochs,
            "train_seconds": self._train_seconds,
            "latency_ms": self._latency_ms,
            "model": self._live.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "steps": self._steps,
            "record": self._record.state_dict(),
            "told": self._told,
            "average": self._average.model.state_dict() if self._average else {},
            "kept": self.model.state_dict() if self.candidate.training.weights == "best" else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where the training that gave `state` stood.

        Raises:
            ValueError: it was of another candidate or another seed.
        """
        for what, here in (("key", self.candidate.key), ("seed", self.seed)):
            if state[what] != here:
                raise ValueError(
                    f"the saved training has {what} {state[what]!r}, this one {here!r}"
                )
        self.epochs = state["epochs"]
        self._train_seconds = state["train_seconds"]
        self._latency_ms = state["latency_ms"]
        self._live.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        if "steps" not in state:
            # Of 0.1, which had neither schedules nor patience: there is nothing else to restore.
            return
        self._steps, self._told = state["steps"], state["told"]
        self._record.load_state_dict(state["record"], self.epochs)
        if self._average is not None:
            self._average.model.load_state_dict(state["average"])
        if self.candidate.training.weights == "best":
            self.model.load_state_dict(state["kept"])


def train(
    candidate: Candidate,
    task: LoadedTask,
    *,
    epochs: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Iterator[dict[str, float]]:
    """Train for some epochs, giving after each what `Training.epoch` returns.

    Raises:
        ValueError: `epochs` is below 1.
        DivergedError: while iterating; see `Training.epoch`.
    """
    if epochs < 1:
        raise ValueError(f"epochs = {epochs} is out of range; valid: integers >= 1")
    training = Training(candidate, task, seed=seed, device=device, epochs=epochs)
    return (training.epoch() for _ in range(epochs))
