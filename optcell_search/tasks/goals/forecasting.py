"""The next values of a series, as single numbers or as quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcell_search.tasks.goals import scores
from optcell_search.tasks.goals.base import Goal


@dataclass(frozen=True, kw_only=True)
class Forecasting(Goal):
    """The next values of a series: squared error to train with, absolute error to judge by.

        prediction = offset + scale · output,   mase = mean |error| / naive_error

    With quantiles q there are as many outputs for each value, the loss is the quantile (pinball)
    loss max(q e, (q − 1) e) of e = target − prediction, and what judges single numbers judges the
    quantile nearest to the median.

    Targets and metrics are in the unit of the series, the loss is in units of scale², of scale for
    quantiles. Targets are float64: of a series far from 0, such as a meter's reading, float32 would
    round its changes off; NaN where a value is not known.

    Args:
        values: how many values are forecast at once.
        offset, scale: mean and standard deviation of the training part.
        naive_error: mean absolute error of the seasonal-naive forecast in the training part.
        quantiles: in ascending order; empty: single numbers.

    Source of mase: Hyndman, Koehler: Another Look at Measures of Forecast Accuracy, Int. J.
    Forecasting 22, 2006. Of the quantile loss: Koenker, Bassett: Regression Quantiles,
    Econometrica 46, 1978.
    """

    values: int
    offset: float
    scale: float
    naive_error: float
    quantiles: tuple[float, ...] = ()

    @property
    def metrics(self) -> dict[str, str]:  # type: ignore[override]
        """Metric → direction; ``quantile_loss`` where there are quantiles."""
        names = ["mase", "mae", "rmse", *["quantile_loss"] * bool(self.quantiles)]
        return {**dict.fromkeys(names, "minimize"), "r2": "maximize"}

    @property
    def output_size(self) -> int:
        """Number of values forecast at once, times quantiles."""
        return self.values * max(1, len(self.quantiles))

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the forecasts in the unit of the series."""
        return self.offset + self.scale * outputs

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean squared error in units of scale², or mean quantile loss in units of scale."""
        if weights is not None:
            raise ValueError("class weights need classes, and here numbers are predicted")
        scaled = ((targets - self.offset) / self.scale).to(outputs.dtype)
        there = ~scaled.isnan()
        if not self.quantiles:
            error = torch.where(there, outputs - scaled, 0.0)
            return error.square().sum() / there.sum().clamp(min=1)
        error = scaled[..., None] - outputs.reshape(*outputs.shape[:-1], self.values, -1)
        q = torch.tensor(self.quantiles, dtype=error.dtype, device=error.device)
        pinball = torch.where(there[..., None], torch.maximum(q * error, (q - 1) * error), 0.0)
        return pinball.mean(-1).sum() / there.sum().clamp(min=1)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (windows, outputs + values): forecasts beside targets, in float64."""
        return torch.cat((self.predictions(outputs.double()), targets.double()), -1)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return mase, r2; mae, rmse and quantile_loss (unit of the series); and loss."""
        predicted, observed = self._apart(rows)
        found = scores.scores(predicted, observed)
        chosen = {
            "mase": found["mae"] / self.naive_error,
            "mae": found["mae"],
            "rmse": found["rmse"],
            "r2": found["r2"],
            "loss": found["mse"] / self.scale**2,
        }
        if not self.quantiles:
            return chosen
        outputs = (rows[:, : self.output_size].cpu() - self.offset) / self.scale
        loss = float(self.loss(outputs, rows[:, self.output_size :].cpu()))
        return {**chosen, "quantile_loss": loss * self.scale, "loss": loss}

    def constant(self, targets: Tensor) -> None:
        """Nothing: the seasonal-naive forecast is what to compare with, see the task."""
        return

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return residuals of each value ahead; see `scores.residuals`."""
        names = tuple(f"+{ahead + 1}" for ahead in range(self.values))
        return scores.residuals(*self._apart(rows), names)

    def _apart(self, rows: Tensor) -> tuple[scores.Floats, scores.Floats]:
        values = rows.cpu().numpy()
        predicted, observed = values[:, : self.output_size], values[:, self.output_size :]
        if self.quantiles:
            middle = int(np.abs(np.array(self.quantiles) - 0.5).argmin())
            predicted = predicted[:, middle :: len(self.quantiles)]
        return predicted, observed
