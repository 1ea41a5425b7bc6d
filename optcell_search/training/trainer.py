"""One candidate trained on one task, epoch by epoch, to the same numbers every time.

A training is a function of candidate, task, seed and machine (with its number of threads). It
draws from random streams of its own, made anew for every epoch from (seed, epoch), so neither the
trainings that ran before in the process nor an interruption between two epochs changes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.clip_grad import clip_grad_norm_

from optcell_search import registry
from optcell_search.cells import State
from optcell_search.cells.building import AnyModel
from optcell_search.penalties import Penalty
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training.divergence import DivergedError, Watch
from optcell_search.training.measuring import (
    count_parameters,
    gradient_curve,
    gradient_norms,
    latency,
)
from optcell_search.training.scoring import answer, evaluate

# Reading a number from a GPU waits for all its queued work, so it is done rarely there.
_STEPS_BETWEEN_CHECKS = {"cpu": 1, "cuda": 50}


class Training:
    """A candidate being trained on a task.

    Args:
        candidate: what to train.
        task: what to train it on; it is moved to `device`.
        seed: of the initial weights, the order of the examples and dropout.
        device: where to train.

    The first ``training.pretrain_epochs`` epochs are trained on the task's pre-training data, the
    others on its training data; both count as epochs. The loss is the task's plus, for each
    penalty of the candidate, weight · mean violation.

    Attributes:
        model: the model as trained so far.
        epochs: how many epochs it has been trained.

    Raises:
        ValueError: the candidate wants to be pre-trained, or has a penalty, and the task lacks
            the data for it.
    """

    def __init__(
        self,
        candidate: Candidate,
        task: LoadedTask,
        *,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.candidate = candidate
        self.seed = seed
        self.device = torch.device(device)
        self.task = task.to(self.device)
        terms = dict(candidate.penalties)
        self.task.require(terms, pretraining=candidate.training.pretrain_epochs > 0)
        self._terms: list[Penalty] = [
            registry.penalties.get(name)(**dict(options)) for name, options in terms.items()
        ]
        self.epochs = 0
        self._train_seconds = 0.0
        self._latency_ms: float | None = None
        with _random_stream(self.device, self._stream_seed("weights")):
            # Built on the CPU, so that the initial weights are the same on every device.
            self.model: AnyModel = candidate.build(self.task).to(self.device)
        self._weights = [p for p in self.model.parameters() if p.requires_grad]
        self._optimizer = self._make_optimizer()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        t = self.candidate.training
        groups = self.model.parameter_groups(t.lr)
        if t.optimizer == "rmsprop":
            # alpha as in the official MomentumRNN code; torch's default is 0.99.
            return torch.optim.RMSprop(groups, lr=t.lr, alpha=0.9, weight_decay=t.weight_decay)
        if t.optimizer == "adam":
            return torch.optim.Adam(groups, lr=t.lr, weight_decay=t.weight_decay)
        assert t.optimizer == "adamw"
        return torch.optim.AdamW(groups, lr=t.lr, weight_decay=t.weight_decay)

    def _stream_seed(self, purpose: str) -> int:
        digest = hashlib.sha256(f"{self.seed}/{purpose}/{self.epochs}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def epoch(self) -> dict[str, float]:
        """Train one epoch and return where the candidate then stands.

        Returns:
            - ``epoch``: how many epochs it has been trained;
            - the task's metrics and ``loss``, on the validation split;
            - ``train_loss``: mean over the epoch's batches, as they were met;
            - ``parameters``: trainable numbers in the model;
            - ``train_seconds``: seconds of training so far, evaluation and measuring left out;
            - ``latency_ms``: milliseconds for one sequence, see `latency`;
            - ``gradient_first``, ``gradient_last``: see `gradient_norms`; they are left
              out where they are not defined (two directions).

        Raises:
            DivergedError: a loss or a gradient is not finite. The training cannot be continued.
        """
        train_loss = self._train_epoch()
        self.epochs += 1
        scores = evaluate(self.model, self.task.validation, self.task)
        if not math.isfinite(scores["loss"]):
            raise DivergedError(f"validation loss is {scores['loss']} after epoch {self.epochs}")
        if self._latency_ms is None:
            self._latency_ms = latency(self.model, self.task.validation, self.task.chunk)
        return {
            "epoch": self.epochs,
            **scores,
            "train_loss": train_loss,
            "parameters": count_parameters(self.model),
            "train_seconds": self._train_seconds,
            "latency_ms": self._latency_ms,
            **gradient_norms(self.model, self.task),
        }

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
        shuffle = torch.Generator().manual_seed(self._stream_seed("order"))
        batches = torch.split(
            torch.randperm(len(train), generator=shuffle), self.candidate.training.batch_size
        )
        check_every = _STEPS_BETWEEN_CHECKS.get(self.device.type, 1)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        watch = Watch(self.device, self.epochs + 1)
        self.model.train()
        start = time.perf_counter()
        with _random_stream(self.device, self._stream_seed("dropout")):
            step = 0
            for index in batches:
                batch = train.take(index)
                state: State | None = None
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

    def _step(self, batch: Split, state: State | None) -> tuple[Tensor, Tensor, State | None]:
        """Update the weights; return the loss, the norm of its gradient before clipping, a state.

        The state goes from piece to piece where the task takes its sequences in pieces.
        """
        self._optimizer.zero_grad()
        outputs, targets, state = answer(self.model, batch, self.task, state)
        loss = self.task.loss(outputs, targets)
        predictions = self.task.goal.predictions(outputs)
        for term in self._terms:
            loss = loss + term.weight * term.penalty(predictions, batch.drivers)
        loss.backward()  # type: ignore[no-untyped-call]
        clip = self.candidate.training.clip or math.inf
        norm = clip_grad_norm_(self._weights, clip)
        self._optimizer.step()
        self.model.after_step()
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
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
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
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])


@contextlib.contextmanager
def _random_stream(device: torch.device, seed: int) -> Iterator[None]:
    """Let torch draw from a fresh stream, and give the global one back as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        # Not torch.manual_seed: it would reseed GPUs whose state was not kept.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


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
    training = Training(candidate, task, seed=seed, device=device)
    return (training.epoch() for _ in range(epochs))
