"""Trainings that cannot be continued, found without waiting for a GPU at every step."""

from __future__ import annotations

import torch
from torch import Tensor


class DivergedError(ArithmeticError):
    """A loss or a gradient is no longer finite; the message says which, at which epoch and step."""


class Watch:
    """Remembers the first step whose loss or gradient was not finite, without waiting for it."""

    def __init__(self, device: torch.device, epoch: int) -> None:
        self.epoch = epoch
        self.first = torch.zeros(2, dtype=torch.int64, device=device)

    def note(self, step: int, loss: Tensor, norm: Tensor) -> None:
        """Take in the loss and the gradient's norm of a step, counted from 1."""
        bad = ~torch.stack((loss, norm)).isfinite()
        self.first = torch.where(bad & (self.first == 0), step, self.first)

    def check(self) -> None:
        """Raise `DivergedError` if a step so far was bad; this waits for the device."""
        loss_step, norm_step = self.first.tolist()
        if loss_step and (not norm_step or loss_step <= norm_step):
            raise DivergedError(f"loss is not finite at epoch {self.epoch}, step {loss_step}")
        if norm_step:
            raise DivergedError(f"gradient is not finite at epoch {self.epoch}, step {norm_step}")
