"""Trainings that cannot be continued, found without waiting for a GPU at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class DivergedError(ArithmeticError):
    """A loss or a gradient is no longer finite; the message says which, at which epoch and step."""


# Reading a number from a GPU waits for all its queued work, so it is done rarely there.
STEPS_BETWEEN_CHECKS = {"cpu": 1, "cuda": 50}


class Watch:
    """Remembers the first step whose loss or gradient was not finite, without waiting for it.

    Args:
        device: of what is watched.
        epochs: the number of the epoch that each training is in.
    """

    def __init__(self, device: torch.device, *epochs: int) -> None:
        self._epochs = epochs
        self._every = STEPS_BETWEEN_CHECKS.get(device.type, 1)
        self._first = torch.zeros(2, len(epochs), dtype=torch.int64, device=device)

    def note(self, steps: Sequence[int], loss: Tensor, norm: Tensor) -> bool:
        """Take in each training's loss and norm of the gradient of a step, counted from 1.

        Returns:
            Whether it is time to look at `errors`.
        """
        bad = ~torch.stack((loss, norm)).view(2, -1).isfinite()
        step = torch.tensor(steps, device=bad.device)
        self._first = torch.where(bad & (self._first == 0), step, self._first)
        return max(steps) % self._every == 0

    def errors(self) -> list[DivergedError | None]:
        """Return what was bad so far in each training; this waits for the device."""
        return list(map(_error, self._epochs, *self._first.tolist()))

    def check(self) -> None:
        """Raise `DivergedError` if a step so far was bad; this waits for the device."""
        for error in self.errors():
            if error is not None:
                raise error


def _error(epoch: int, loss_step: int, norm_step: int) -> DivergedError | None:
    if loss_step and (not norm_step or loss_step <= norm_step):
        return DivergedError(f"loss is not finite at epoch {epoch}, step {loss_step}")
    if norm_step:
        return DivergedError(f"gradient is not finite at epoch {epoch}, step {norm_step}")
    return None
