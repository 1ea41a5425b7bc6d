"""Trainings of one form and one family of rules, all of which take a step at once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from optcell_search.cells.dropping import drawing_from
from optcell_search.cells.model import ModelState
from optcell_search.cells.state import State
from optcell_search.tasks import Batch
from optcell_search.training.divergence import DivergedError, Watch
from optcell_search.training.passing import Pass
from optcell_search.training.trainer import Training

from .mapped import Mapped, States
from .optimizers import Optimizers
from .stack import Stack


class Bank:
    """Trains K trainings side by side; while it does, their tensors are rows of its own.

    Args:
        trainings: two or more, of one form and family.
    """

    def __init__(self, trainings: Sequence[Training]) -> None:
        self.trainings = list(trainings)
        self._mapped = Mapped(trainings)
        self._stack = Stack([training.live for training in trainings])
        self._optimizers = Optimizers(trainings, self._stack)

    def release(self) -> None:
        """Give every training tensors of its own again."""
        self._stack.release()
        self._optimizers.release()

    def epoch(self) -> list[float | DivergedError]:
        """Train one epoch; return each one's mean loss, or why it cannot be continued."""
        start = time.perf_counter()
        self._mapped.model.train()
        for training in self.trainings:
            training.live.train()
        run = _Epoch(self.trainings)
        for number in range(max(len(one.order) for one in run.passes)):
            batches = run.batches(number)
            together = [batch for batch in batches if batch is not None]
            if len(together) == len(batches) and _alike(together):
                self._together(run, together)
            else:
                self._one_by_one(run, batches)
        self._silence(run)
        self._optimizers.tell()
        seconds = (time.perf_counter() - start) / len(run.passes)
        for training in self.trainings:
            training.train_seconds += seconds
        return [run.ended.get(k) or one.loss for k, one in enumerate(run.passes)]

    def _together(self, run: _Epoch, batches: list[Batch]) -> None:
        """Take the steps of a batch of each training, all at once."""
        states: States | None = None
        chunk = self.trainings[0].task.chunk
        streams = [one.stream for one in run.passes]
        for pieces in zip(*(batch.pieces(chunk) for batch in batches), strict=True):
            self._optimizers.prepare()
            inputs = torch.stack([piece.inputs for piece in pieces])
            weights = self._stack.weights
            with drawing_from(streams):
                outputs, states = self._mapped({**weights, **self._stack.others}, inputs, states)
            losses = [
                training.loss(own, piece.targets, piece.drivers)
                for training, own, piece in zip(self.trainings, outputs, pieces, strict=True)
            ]
            total = torch.stack(losses)
            gradients = torch.autograd.grad(total.sum(), list(weights.values()), allow_unused=True)
            norms = self._optimizers.step(gradients)
            for training in self.trainings:
                training.finish()
            run.note(total.detach(), norms, batches, pieces)
            if run.look:
                self._silence(run)

    def _one_by_one(self, run: _Epoch, batches: list[Batch | None]) -> None:
        """Take the steps of batches that are not of one shape, such as the last ones of folds."""
        self._optimizers.tell()
        chunk = self.trainings[0].task.chunk
        for k, batch in enumerate(batches):
            if batch is None or k in run.ended:
                continue
            state: State | ModelState | None = None
            with run.passes[k].stream:
                for piece in batch.pieces(chunk):
                    done = self.trainings[k].step(piece, state)
                    run.note_one(k, done.loss, done.norm, batch, piece)
                    state = done.state
        self._silence(run)

    def _silence(self, run: _Epoch) -> None:
        """Stop what has just diverged: its numbers become 0, so that nothing else meets a NaN."""
        for k in run.newly_ended():
            self._stack.silence(k)
            self._optimizers.silence(k)


class _Epoch:
    """An epoch of several trainings: what each is at, and which of them have diverged."""

    def __init__(self, trainings: Sequence[Training]) -> None:
        self.passes: list[Pass] = [training.begin() for training in trainings]
        self._watch = Watch(trainings[0].device, *(training.epochs + 1 for training in trainings))
        self._steps = [0] * len(trainings)
        self.ended: dict[int, DivergedError] = {}
        self.look = False

    def batches(self, number: int) -> list[Batch | None]:
        """Return the batch of each training, None where it has no more."""
        found: list[Batch | None] = []
        for one in self.passes:
            if number >= len(one.order):
                found.append(None)
            elif one.augments:
                with one.stream:
                    found.append(one.batch(number))
            else:
                found.append(one.batch(number))
        return found

    def note(
        self, losses: Tensor, norms: Tensor, batches: Sequence[Batch], pieces: Sequence[Batch]
    ) -> None:
        """Take in what a step of all came to."""
        for one, loss, batch, piece in zip(self.passes, losses, batches, pieces, strict=True):
            one.note(loss, batch, piece)
        self._steps = [step + 1 for step in self._steps]
        self.look = self._watch.note(self._steps, losses, norms)

    def note_one(self, k: int, loss: Tensor, norm: Tensor, batch: Batch, piece: Batch) -> None:
        """Take in what a step of one training came to."""
        self.passes[k].note(loss, batch, piece)
        self._steps[k] += 1
        others = torch.zeros(2, len(self.passes), dtype=loss.dtype, device=loss.device)
        others[:, k] = torch.stack((loss, norm))
        self._watch.note(self._steps, *others)

    def newly_ended(self) -> list[int]:
        """Return which trainings have diverged since the last call; this waits for the device."""
        errors = self._watch.errors()
        new = [k for k, error in enumerate(errors) if error is not None and k not in self.ended]
        for k in new:
            error = errors[k]
            assert error is not None
            self.ended[k] = error
        return new


def _alike(batches: Sequence[Batch]) -> bool:
    """Return whether batches are of one shape, and none has sequences of several lengths."""
    shapes = {batch.inputs.shape for batch in batches}
    return len(shapes) == 1 and all(batch.lengths is None for batch in batches)
