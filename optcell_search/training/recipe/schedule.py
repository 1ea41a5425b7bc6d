"""How the learning rate changes over the steps of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from optcell_search.space import Training
from optcell_search.tasks import LoadedTask
from optcell_search.training.batches import count

# Smith's cycle as torch's OneCycleLR has it: where the peak is, and what it starts from.
_PEAK = 0.3
_START = 1 / 25


def factor(training: Training, done: float) -> float:
    """Return what the learning rate is multiplied by.

        constant   1
        cosine     (1 + cos(pi d)) / 2,  d the share done of what follows the warm-up
        one_cycle  from 1/25 up to 1 over the first 0.3 of all steps, then down to 0, both by cosine

    Before either of the first two it rises from 0 in proportion to the steps, over the share
    `warmup` of all steps.

    Args:
        training: the candidate's settings.
        done: share of all steps, 0 to 1.

    Source: of one_cycle, Smith, Topin: Super-Convergence, arXiv 1708.07120; of cosine, Loshchilov,
    Hutter: SGDR, ICLR 2017, arXiv 1608.03983, without restarts.
    """
    if training.schedule == "one_cycle":
        if done < _PEAK:
            return 1 - (1 - _START) * _falling(done / _PEAK)
        return _falling((done - _PEAK) / (1 - _PEAK))
    if done < training.warmup:
        return done / training.warmup
    if training.schedule == "cosine":
        return _falling((done - training.warmup) / (1 - training.warmup))
    assert training.schedule == "constant"
    return 1.0


def _falling(share: float) -> float:
    """Return half a wave of the cosine, from 1 down to 0."""
    return (1 + math.cos(math.pi * min(share, 1.0))) / 2


def changes(training: Training) -> bool:
    """Return whether the learning rate is ever another than ``training.lr``."""
    return training.schedule != "constant" or training.warmup > 0


def ends_at_zero(training: Training) -> bool:
    """Return whether the learning rate has come down to 0 at the end of the budget."""
    return training.schedule != "constant"


def steps_in(training: Training, task: LoadedTask, epochs: int | None) -> int:
    """Return the steps of the optimizer in a training of so many epochs.

    Raises:
        ValueError: nobody said how many epochs.
    """
    if epochs is None:
        raise ValueError(
            f"training.schedule = {training.schedule!r}, warmup = {training.warmup} need to "
            "know how many epochs will be trained; valid: Training(..., epochs=N)"
        )
    before = min(training.pretrain_epochs, epochs)
    parts = [(epochs - before, task.train)]
    if before:
        assert task.pretraining is not None
        parts.append((before, task.pretraining))
    return sum(
        times
        * count(split, training.batch_size)
        * (math.ceil(split.inputs.shape[1] / task.chunk) if task.chunk else 1)
        for times, split in parts
    )


class Schedule:
    """Sets an optimizer's learning rates for each step of a training of known length.

    Args:
        training: the candidate's settings.
        optimizer: with the rates of its groups at their full height.
        steps: of the whole training; None where the rates never change.
    """

    def __init__(
        self, training: Training, optimizer: torch.optim.Optimizer, steps: int | None
    ) -> None:
        self._training = training
        self._optimizer = optimizer
        self._rates: Sequence[float] = [group["lr"] for group in optimizer.param_groups]
        self._steps = steps

    def set_for(self, step: int) -> None:
        """Set the rates for a step, counted from 0; past the last one they stay where they are."""
        if self._steps is None:
            return
        # The middle of the step: neither the first nor the last one is wasted on a rate of 0.
        now = factor(self._training, min((step + 0.5) / self._steps, 1.0))
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * now
