"""Forecasts: the next values of a column of any table, from the rows before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optcell_search.hyperparameters import integer
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import Goal
from optcell_search.tasks.own.arrays import find

Array = npt.NDArray[np.float64]
# Ends of the training, the validation and the test part, as shares of the rows.
_ENDS = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Forecasting(Goal):
    """The next values of a series: squared error to train with, absolute error to judge by.

        prediction = offset + scale · output,   mase = mean |error| / naive_error

    Targets and metrics are in the unit of the series, the loss is in units of scale². Targets are
    float64: of a series far from 0, such as a meter's reading, float32 would round its changes off.

    Args:
        values: how many values are forecast at once.
        offset, scale: mean and standard deviation of the training part.
        naive_error: mean absolute error of the seasonal-naive forecast in the training part.

    Source of mase: Hyndman, Koehler: Another Look at Measures of Forecast Accuracy, Int. J.
    Forecasting 22, 2006.
    """

    metrics: ClassVar[dict[str, str]] = {"mase": "minimize", "mae": "minimize", "rmse": "minimize"}

    values: int
    offset: float
    scale: float
    naive_error: float

    @property
    def output_size(self) -> int:
        """Number of values forecast at once."""
        return self.values

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the forecasts in the unit of the series."""
        return self.offset + self.scale * outputs

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error in units of scale²."""
        scaled = ((targets - self.offset) / self.scale).to(outputs.dtype)
        return (outputs - scaled).square().mean()

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (sum of squared errors, sum of absolute errors, values)."""
        error = self.predictions(outputs.double()) - targets.double()
        count = error.new_tensor(error.numel())
        return torch.stack((error.square().sum(), error.abs().sum(), count))

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Return mase, mae and rmse (unit of the series), and loss."""
        squares, absolutes, count = tally.tolist()
        return {
            "mase": absolutes / count / self.naive_error,
            "mae": absolutes / count,
            "rmse": (squares / count) ** 0.5,
            "loss": squares / count / self.scale**2,
        }


@dataclass(frozen=True, kw_only=True)
class Forecast(Task):
    """The next `horizon` values of a column, from the `window` rows before.

    As ``forecast:file=PATH.csv,target=COLUMN,season=24,horizon=24``; one row a time step, oldest
    first, or in the order of column `time`, which holds numbers or ISO 8601 dates. Every other
    column must be numeric and is an input, the target's own past among them, at mean 0 and variance
    1 over the training part.

    Split by time: the first 70 % of the rows train, the next 10 % are for validation, the last
    20 % for test; forecast values never leave their part, windows may reach back before it.
    Metric: mase, the mean absolute error over that of the seasonal-naive forecast (the value one
    season ago) in the training part. That forecast is the level of chance, about 1; what it has
    itself on a split, `seasonal_naive` says.
    """

    name: ClassVar[str] = "forecast"
    title: ClassVar[str] = "next values of a column: forecast:file=PATH.csv,target=COLUMN"

    file: str = ""
    target: str = ""
    time: str = ""
    window: int = integer(96, search=(16, 256), valid=(1, 10**5), log=True, doc="rows seen")
    horizon: int = integer(1, search=(1, 48), valid=(1, 10**4), doc="values forecast at once")
    season: int = integer(1, search=(1, 168), valid=(1, 10**5), doc="rows of one season; 1: none")
    stride: int = integer(1, search=(1, 24), valid=(1, 10**5), doc="rows between two windows")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target and self.target == self.time:
            raise ValueError(
                f"forecast: target and time are both {self.target!r}; valid: two columns"
            )
        if Path(self.file).is_file():
            # The same file for a worker that runs in another folder.
            object.__setattr__(self, "file", str(Path(self.file).absolute()))

    def search_data(self, folder: Path) -> Data:
        """Read the table and take the windows of its first 80 %."""
        columns, series = self._read(folder)
        return Data(
            train=self._split(columns, series, "train"),
            validation=self._split(columns, series, "validation"),
            goal=self._goal(series),
            readout="last",
        )

    def test_data(self, folder: Path) -> Split:
        """Read the table and take the windows of its last 20 %."""
        return self._split(*self._read(folder), "test")

    def seasonal_naive(self, folder: Path, part: str) -> dict[str, float]:
        """Return the metrics that the seasonal-naive forecast has on a part.

        Each value is forecast by the last one seen at its place in the season.

        Args:
            folder: the user's data folder.
            part: ``"train"``, ``"validation"`` or ``"test"``.
        """
        _, series = self._read(folder)
        goal, starts = self._goal(series), self._starts(len(series), part)
        ahead = np.arange(self.horizon)
        seen = starts[:, None] + ahead - self.season * (1 + ahead // self.season)
        forecast = (torch.tensor(series[seen]) - goal.offset) / goal.scale
        truth = torch.tensor(series[starts[:, None] + ahead])
        return goal.finish(goal.tally(forecast, truth))

    def _goal(self, series: Array) -> Forecasting:
        train = series[: self._ends(len(series), "train")[1]]
        naive = np.abs(train[self.season :] - train[: -self.season]).mean()
        return Forecasting(
            values=self.horizon,
            offset=float(train.mean()),
            scale=float(train.std()),
            naive_error=float(naive),
        )

    def _ends(self, rows: int, part: str) -> tuple[int, int]:
        first, last = _ENDS[part]
        return round(first * rows), round(last * rows)

    def _starts(self, rows: int, part: str) -> npt.NDArray[np.int64]:
        """Return the rows at which a forecast of this part begins."""
        first, last = self._ends(rows, part)
        first = max(first, self.window, self.season)
        return np.arange(first, last - self.horizon + 1, self.stride, dtype=np.int64)

    def _split(self, columns: Array, series: Array, part: str) -> Split:
        starts = self._starts(len(series), part)
        train = columns[: self._ends(len(series), "train")[1]]
        scale = train.std(0)
        scaled = (columns - train.mean(0)) / np.where(scale > 0, scale, 1.0)
        seen = starts[:, None] + np.arange(-self.window, 0)
        ahead = starts[:, None] + np.arange(self.horizon)
        return Split(
            torch.tensor(scaled[seen], dtype=torch.float32),
            torch.tensor(series[ahead]),
        )

    def _read(self, folder: Path) -> tuple[Array, Array]:
        """Return all numeric columns (rows, columns), and the target's (rows,)."""
        import pandas as pd

        if not self.file or not self.target:
            raise ValueError(
                "task forecast needs a file and a column: forecast:file=PATH.csv,target=COLUMN"
            )
        path = find(self.file, folder)
        try:
            frame = pd.read_csv(path)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: not a readable .csv file: {reason}") from None
        for option in ("target", "time"):
            column = getattr(self, option)
            if column and column not in frame.columns:
                raise ValueError(
                    f"{path}: there is no column {column!r} for {option}; "
                    f"valid: {', '.join(map(str, frame.columns))}"
                )
        if self.time:
            order = _in_time(frame[self.time], path)
            frame = frame.iloc[order].drop(columns=self.time)
        return self._checked(frame, path)

    def _checked(self, frame: Any, path: Path) -> tuple[Array, Array]:
        if frame.empty:
            raise ValueError(f"{path}: no row below the names of the columns")
        for column in frame.columns:
            if frame[column].dtype.kind not in "buif":
                raise ValueError(
                    f"{path}: column {column!r} holds {frame[column].dtype}, not numbers; encode "
                    "it or leave it out (the column of time is named by time=COLUMN)"
                )
            with np.errstate(over="ignore"):
                missing = int((~np.isfinite(frame[column].to_numpy(np.float32))).sum())
            if missing:
                raise ValueError(
                    f"{path}: {missing} values in column {column!r} are missing, infinite or "
                    "beyond float32; fill them or drop the rows"
                )
        columns = frame.to_numpy(dtype=np.float64)
        series = frame[self.target].to_numpy(dtype=np.float64)
        for part in _ENDS:
            if not len(self._starts(len(series), part)):
                raise ValueError(
                    f"{path}: {len(series)} rows are too few: no window of {self.window} rows, "
                    f"season of {self.season} and forecast of {self.horizon} fit its {part} part"
                )
        train = series[: self._ends(len(series), "train")[1]]
        if not (train[self.season :] != train[: -self.season]).any():
            raise ValueError(
                f"{path}: column {self.target!r} repeats itself every {self.season} rows: there "
                "is nothing to forecast"
            )
        return columns, series


def _in_time(times: Any, path: Path) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows from the earliest to the latest."""
    import pandas as pd

    where = f"{path}: column {times.name!r}"
    if missing := int(times.isna().sum()):
        raise ValueError(f"{where} lacks the time of {missing} rows; fill them or drop the rows")
    if times.dtype.kind not in "iuf":
        try:
            times = pd.to_datetime(times, format="ISO8601", utc=True)
        except ValueError:
            raise ValueError(
                f"{where} holds {times.iloc[0]!r}; valid: numbers, or dates as 2020-01-31 or "
                "2020-01-31T13:00. Leave time=COLUMN out where the rows are in order"
            ) from None
    if times.duplicated().any():
        twice = times[times.duplicated()].iloc[0]
        raise ValueError(f"{where}: {twice} stands in more than one row; valid: one row a time")
    return times.argsort(kind="stable").to_numpy()  # type: ignore[no-any-return]
