"""One or more numbers per sequence or per step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from optcell_search.raw.outputs import in_unit
from optcell_search.tasks.goals import scores
from optcell_search.tasks.goals.base import Goal

_LEAST_MEAN_SQUARE = 1e-12


def tally_of(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return rows (targets, 2 · values): predictions beside targets."""
    return torch.cat((predictions.double(), targets.double()), -1).flatten(0, -2)


def mean_of(targets: Tensor) -> Tensor:
    """Return (values,): the mean of the targets that are there."""
    return targets.double().flatten(0, -2).nanmean(0)


@dataclass(frozen=True, kw_only=True)
class Regression(Goal):
    """Numbers: mean squared error, in units of their own spread.

        prediction = offset + scale · output

    Outputs and targets are (..., values); targets, predictions and metrics are in the unit of the
    targets, the loss is in units of scale², so that it is about 1 before anything is learned.

    Args:
        values: how many numbers are predicted at once.
        offset, scale: of the predictions, one for each value, or one for all.
        names: what the values are called.
    """

    metrics: ClassVar[dict[str, str]] = {
        "mse": "minimize",
        "mae": "minimize",
        "rmse": "minimize",
        "r2": "maximize",
    }

    values: int
    offset: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    names: tuple[str, ...] = ()

    @property
    def output_size(self) -> int:
        """Number of predicted values."""
        return self.values

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the predictions, in the unit of the targets."""
        return outputs if self._plain else in_unit(outputs, self.offset, self.scale)

    @property
    def _plain(self) -> bool:
        return set(self.offset) == {0.0} and set(self.scale) == {1.0}

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean squared error over the targets that are not NaN, in units of scale²."""
        _no_classes(weights)
        there = ~targets.isnan()
        # Scaled in the type of the targets: of numbers far from 0, float32 knows no changes.
        scaled = targets if self._plain else scores.scaled(targets, self.offset, self.scale)
        # A where on the error, not a product with the mask: NaN times 0 is NaN.
        error = torch.where(there, outputs - scaled.to(outputs.dtype), 0.0)
        return error.square().sum() / there.sum().clamp(min=1)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (targets, 2 · values): predictions beside targets, in float64."""
        return tally_of(self.predictions(outputs.double()), targets)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return mse (squared unit), mae and rmse (unit of the target), r2 and loss."""
        predicted, observed = scores.apart(rows)
        found = scores.scores(predicted, observed)
        scaled = scores.scores(predicted / self.scale, observed / self.scale)
        return {**found, "loss": scaled["mse"]}

    def constant(self, targets: Tensor) -> Tensor:
        """Return the outputs that stand for the mean of the targets."""
        return scores.scaled(mean_of(targets), self.offset, self.scale)

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return residuals; see `scores.residuals`."""
        names = self.names or tuple(str(number) for number in range(self.values))
        return scores.residuals(*scores.apart(rows), names)


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

    metrics: ClassVar[dict[str, str]] = {"rmse": "minimize", "mae": "minimize", "r2": "maximize"}

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

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Root of the mean squared error over the targets that are not NaN."""
        _no_classes(weights)
        there = ~targets.isnan()
        error = torch.where(there, self.predictions(outputs) - targets, 0.0)
        mean = error.square().sum() / there.sum().clamp(min=1)
        # The root's slope at 0 is infinite, and infinity times no error at all is NaN.
        return mean.clamp(min=_LEAST_MEAN_SQUARE).sqrt()

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (targets, 2 · values): predictions beside targets, in float64."""
        return tally_of(self.predictions(outputs.double()), targets)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return rmse, mae and loss, in the unit of the target, and r2."""
        found = scores.scores(*scores.apart(rows))
        return {**{name: found[name] for name in self.metrics}, "loss": found["rmse"]}

    def constant(self, targets: Tensor) -> Tensor:
        """Return the outputs that stand for the mean of the targets."""
        return (mean_of(targets) - self.offset) / self.scale

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return residuals; see `scores.residuals`."""
        return scores.residuals(*scores.apart(rows), tuple(map(str, range(self.values))))


def _no_classes(weights: Tensor | None) -> None:
    if weights is not None:
        raise ValueError("class weights need classes, and here numbers are predicted")
