"""What a task asks of a model's outputs: a loss to train with and metrics to judge by.

Metrics are computed from sums that add up over batches, so a split of any size is judged in
pieces, and only once per split does a number leave the device. A target that is not there (padding
behind a short sequence, an unobserved value) is marked in the targets themselves: `IGNORED` for
classes, NaN for numbers. Such a target counts neither in the loss nor in a metric.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
_LEAST_MEAN_SQUARE = 1e-12


class Goal(abc.ABC):
    """A loss, and the metrics with their direction; the first metric is the primary one.

    A new goal gives `metrics`, `output_size`, `loss`, `tally` and `finish`, and `predictions` where
    a model's outputs are not yet in the units of the targets.
    """

    metrics: ClassVar[dict[str, str]]

    @property
    @abc.abstractmethod
    def output_size(self) -> int:
        """Number of outputs the model must have."""

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the outputs in the units of the targets, as penalties judge them."""
        return outputs

    @abc.abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar to minimise, the mean over the targets that are there."""

    @abc.abstractmethod
    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the sums (float64, 1-D) that the metrics need; they add up over batches."""

    @abc.abstractmethod
    def finish(self, tally: Tensor) -> dict[str, float]:
        """Turn summed tallies into the metrics and ``loss``."""


@dataclass(frozen=True, kw_only=True)
class Classification(Goal):
    """One class per sequence or per step: softmax cross-entropy and accuracy.

    Outputs are logits (..., classes), targets class numbers (...), int64.

    Args:
        classes: number of classes.
        judged_steps: 0, or: accuracy looks at the last so many steps only, while loss and
            cross-entropy still take every step.
    """

    metrics: ClassVar[dict[str, str]] = {"accuracy": "maximize", "cross_entropy": "minimize"}

    classes: int
    judged_steps: int = 0

    @property
    def output_size(self) -> int:
        """Number of classes."""
        return self.classes

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not `IGNORED`."""
        return functional.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), ignore_index=IGNORED
        )

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (sum of cross-entropy, targets, right answers, judged targets)."""
        entropy = functional.cross_entropy(
            outputs.flatten(0, -2).double(),
            targets.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )
        judged = targets[..., -self.judged_steps :] if self.judged_steps else targets
        answers = outputs.argmax(-1)
        answers = answers[..., -self.judged_steps :] if self.judged_steps else answers
        there = judged != IGNORED
        return torch.stack(
            (
                entropy,
                (targets != IGNORED).sum().double(),
                ((answers == judged) & there).sum().double(),
                there.sum().double(),
            )
        )

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Return accuracy (share, 0 to 1), cross_entropy and loss (nats)."""
        entropy, targets, right, judged = tally.tolist()
        return {
            "accuracy": right / judged,
            "cross_entropy": entropy / targets,
            "loss": entropy / targets,
        }


@dataclass(frozen=True, kw_only=True)
class Regression(Goal):
    """One or more numbers per sequence or per step: mean squared error.

    Outputs and targets are (..., values).

    Args:
        values: how many numbers are predicted at once.
    """

    metrics: ClassVar[dict[str, str]] = {"mse": "minimize", "mae": "minimize"}

    values: int

    @property
    def output_size(self) -> int:
        """Number of predicted values."""
        return self.values

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error over the targets that are not NaN."""
        there = ~targets.isnan()
        # A where on the error, not a product with the mask: NaN times 0 is NaN.
        error = torch.where(there, outputs - targets, 0.0)
        return error.square().sum() / there.sum()

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (sum of squared errors, sum of absolute errors, targets)."""
        there = ~targets.isnan()
        error = torch.where(there, outputs.double() - targets.double(), 0.0)
        return torch.stack((error.square().sum(), error.abs().sum(), there.sum().double()))

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Return mse and loss (squared units of the target) and mae (its units)."""
        squares, absolutes, targets = tally.tolist()
        return {"mse": squares / targets, "mae": absolutes / targets, "loss": squares / targets}


@dataclass(frozen=True, kw_only=True)
class ScaledRegression(Goal):
    """Numbers with a unit, predicted on a scale of about -1 to 1: root mean squared error.

        prediction = offset + scale · output

    Targets are in their own unit, so are loss and metric. A batch without any target has loss 0,
    so that sparse observations need not reach into every batch.

    Args:
        values: how many numbers are predicted at once.
        offset, scale: of the predictions, in the unit of the targets.
    """

    metrics: ClassVar[dict[str, str]] = {"rmse": "minimize"}

    values: int
    offset: float
    scale: float

    @property
    def output_size(self) -> int:
        """Number of predicted values."""
        return self.values

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the predictions, in the unit of the targets."""
        return self.offset + self.scale * outputs

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Root of the mean squared error over the targets that are not NaN."""
        squares, count = self._squares(self.predictions(outputs), targets)
        # The root's slope at 0 is infinite, and infinity times no error at all is NaN.
        return (squares / count.clamp(min=1)).clamp(min=_LEAST_MEAN_SQUARE).sqrt()

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (sum of squared errors, targets)."""
        squares, count = self._squares(self.predictions(outputs.double()), targets.double())
        return torch.stack((squares, count.double()))

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Return rmse and loss, in the unit of the target."""
        squares, targets = tally.tolist()
        error = math.sqrt(squares / targets)
        return {"rmse": error, "loss": error}

    def _squares(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        there = ~targets.isnan()
        error = torch.where(there, predictions - targets, 0.0)
        return error.square().sum(), there.sum()
