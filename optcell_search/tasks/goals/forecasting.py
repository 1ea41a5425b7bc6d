"""The next values of one or more series, as single numbers or as quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcell_search.raw.outputs import in_unit
from optcell_search.tasks.goals import scores
from optcell_search.tasks.goals.base import Goal


@dataclass(frozen=True, kw_only=True)
class Forecasting(Goal):
    """The next values of series: squared error to train with, absolute error to judge by.

        prediction = offset + scale · output,   mase = mean (|error| / naive_error)

    Outputs are (windows, series · values · quantiles), the quantiles of a value beside each other
    and the values of a series; targets (windows, series · values).

    With quantiles q there are as many outputs for each value, the loss is the quantile (pinball)
    loss max(q e, (q − 1) e) of e = target − prediction, and what judges single numbers judges the
    median. Where that is not among the quantiles, it is read off the straight line between the two
    beside it, or is the nearest one where all are on one side of it.

    Targets and metrics are in the unit of the series, the loss is in units of scale², of scale for
    quantiles. Of several series mase and r2 are means of what each has that is known at all,
    however many values that are, while mae, rmse and the quantile loss are taken over all numbers
    as they are. Targets are float64: of a series far from
    0, such as a meter's reading, float32 would round its changes off; NaN where a value is not
    known.

    Args:
        values: how many values of each series are forecast at once.
        offset, scale: mean and standard deviation of each series in the training part.
        naive_error: mean absolute error of each one's seasonal-naive forecast there.
        quantiles: in ascending order; empty: single numbers.
        names: of the series, if there are several.

    Source of mase: Hyndman, Koehler: Another Look at Measures of Forecast Accuracy, Int. J.
    Forecasting 22, 2006. Of the quantile loss: Koenker, Bassett: Regression Quantiles,
    Econometrica 46, 1978.
    """

    values: int
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    naive_error: tuple[float, ...]
    quantiles: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, str]:  # type: ignore[override]
        """Metric → direction; ``quantile_loss`` where there are quantiles."""
        names = ["mase", "mae", "rmse", *["quantile_loss"] * bool(self.quantiles)]
        return {**dict.fromkeys(names, "minimize"), "r2": "maximize"}

    @property
    def output_size(self) -> int:
        """Number of values forecast at once, of all series, times quantiles."""
        return len(self.offset) * self.values * max(1, len(self.quantiles))

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the forecasts in the unit of the series."""
        each = self.values * max(1, len(self.quantiles))
        return in_unit(outputs, _repeated(self.offset, each), _repeated(self.scale, each))

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean squared error in units of scale², or mean quantile loss in units of scale."""
        if weights is not None:
            raise ValueError("class weights need classes, and here numbers are predicted")
        offset, scale = _repeated(self.offset, self.values), _repeated(self.scale, self.values)
        scaled = scores.scaled(targets, offset, scale).to(outputs.dtype)
        if self.quantiles:
            return self._pinball(outputs, scaled)
        there = ~scaled.isnan()
        error = torch.where(there, outputs - scaled, 0.0)
        return error.square().sum() / there.sum().clamp(min=1)

    def _pinball(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean quantile loss over the targets that are there, in their unit."""
        there = ~targets.isnan()
        error = targets[..., None] - outputs.reshape(*targets.shape, -1)
        q = torch.tensor(self.quantiles, dtype=error.dtype, device=error.device)
        pinball = torch.where(there[..., None], torch.maximum(q * error, (q - 1) * error), 0.0)
        return pinball.mean(-1).sum() / there.sum().clamp(min=1)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (windows, outputs + targets): forecasts beside targets, in float64."""
        return torch.cat((self.predictions(outputs.double()), targets.double()), -1)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return mase, r2; mae, rmse and quantile_loss (unit of the series); and loss."""
        predicted, observed = self._apart(rows)
        found = scores.scores(predicted, observed)
        scale = np.repeat(self.scale, self.values)
        mase, r2 = self._by_series(predicted, observed)
        chosen = {
            "mase": scores.mean(mase),
            "mae": found["mae"],
            "rmse": found["rmse"],
            "r2": scores.mean(r2),
            "loss": scores.scores(predicted / scale, observed / scale)["mse"],
        }
        if not self.quantiles:
            return chosen
        forecasts, targets = rows[:, : self.output_size].cpu(), rows[:, self.output_size :].cpu()
        each = self.values * len(self.quantiles)
        outputs = scores.scaled(
            forecasts, _repeated(self.offset, each), _repeated(self.scale, each)
        )
        loss, in_its_unit = self.loss(outputs, targets), self._pinball(forecasts, targets)
        return {**chosen, "quantile_loss": float(in_its_unit), "loss": float(loss)}

    def constant(self, targets: Tensor) -> None:
        """Nothing: what to compare with is `seasonal_naive`."""
        return

    def seasonal_naive(self, last_season: Tensor) -> Tensor:
        """Return the outputs (windows, outputs) of the forecast that repeats the last season.

        Args:
            last_season: (windows, series, steps), the values that are repeated, in the unit of the
                series. One that is not known is forecast by the mean.
        """
        ahead = torch.arange(self.values) % last_season.shape[-1]
        offset, scale = map(last_season.new_tensor, (self.offset, self.scale))
        forecast = (
            ((last_season[..., ahead] - offset[:, None]) / scale[:, None])
            .nan_to_num(0.0)
            .flatten(1)
        )
        return forecast.repeat_interleave(max(1, len(self.quantiles)), 1)

    def ahead(self, series: Sequence[str]) -> tuple[str, ...]:
        """Return what the outputs forecast, such as ``load+1``, or ``load+1 q0.1`` of a quantile.

        Args:
            series: what the series are called.
        """
        names = [f"{name}+{ahead + 1}" for name in series for ahead in range(self.values)]
        if self.quantiles:
            names = [f"{name} q{level:g}" for name in names for level in self.quantiles]
        return tuple(names)

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return residuals of each value ahead; see `scores.residuals`."""
        names = tuple(
            f"{name}+{ahead + 1}" for name in self.names or ("",) for ahead in range(self.values)
        )
        return scores.residuals(*self._apart(rows), names)

    def _by_series(
        self, predicted: scores.Floats, observed: scores.Floats
    ) -> tuple[list[float], list[float]]:
        """Return mase and r2 of each series."""
        count = len(self.offset)
        pairs = zip(np.split(predicted, count, 1), np.split(observed, count, 1), strict=True)
        mase, r2 = [], []
        for (one, other), naive in zip(pairs, self.naive_error, strict=True):
            mase.append(scores.scores(one / naive, other / naive)["mae"])
            r2.append(scores.r2(one, other))
        return mase, r2

    def _apart(self, rows: Tensor) -> tuple[scores.Floats, scores.Floats]:
        values = rows.cpu().numpy()
        predicted, observed = values[:, : self.output_size], values[:, self.output_size :]
        if self.quantiles:
            count = len(self.quantiles)
            # The share that each quantile has in the median.
            shares = [np.interp(0.5, self.quantiles, one) for one in np.eye(count)]
            predicted = predicted.reshape(len(predicted), -1, count) @ np.array(shares)
        return predicted, observed


def _repeated(each: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Return every number so many times, one after the other."""
    return tuple(number for number in each for _ in range(count))
