"""Long series in three parts by time, and the forecast that repeats their last season."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from optcell_search.raw import WindowPreprocessing
from optcell_search.raw.ragged import flat
from optcell_search.tasks.base import Split
from optcell_search.tasks.goals import Forecasting
from optcell_search.tasks.splitting import Index

if TYPE_CHECKING:
    import pandas as pd

# Ends of the training, the validation and the test part, as shares of the rows.
TESTED = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}
UNTESTED = {"train": (0.0, 0.8), "validation": (0.8, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Series:
    """One or more columns over time, and the table that they stand in.

    Args:
        frame: the table, rows as in its file.
        order: its rows in order of time, −1 for one that is missing.
        names: of the columns.
        values: (rows, columns) in order of time, NaN where one is not known.
        parts: the ends of each part, as shares of the rows.
        window, horizon, season, stride: see `forecast.Forecast`.
        where: the file, for messages.
        goal, preprocessing: what is asked of a model, and how its inputs are made.
    """

    frame: pd.DataFrame
    order: Index
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    parts: Mapping[str, tuple[float, float]]
    window: int
    horizon: int
    season: int
    stride: int
    where: str
    goal: Any = None
    preprocessing: Any = None

    def ends(self, part: str) -> tuple[int, int]:
        """Return the first row of a part, and the one behind its last."""
        if part not in self.parts:
            raise ValueError(f"{self.where}: no part {part!r}; valid: {', '.join(self.parts)}")
        first, last = self.parts[part]
        return round(first * len(self.values)), round(last * len(self.values))

    def starts(self, part: str) -> Index:
        """Return the rows at which a forecast of this part begins.

        The first window begins with a row that is there, the last forecast ends with one, and holds
        a value that is known if any does: so `rows` alone, where no missing row leads or trails,
        tell the same.
        """
        first, last = self.ends(part)
        first = max(first, self.window, self.season)
        there = np.flatnonzero(self.order[first - self.window : last - self.window] >= 0)
        if not len(there):
            return np.empty(0, dtype=np.int64)
        known = np.flatnonzero(~np.isnan(self.values[first:last]).all(axis=1))
        behind = self._last_row(last) - self.horizon + 1
        if len(known):
            behind = min(behind, first + int(known[-1]) + 1)
        return np.arange(first + int(there[0]), behind, self.stride, dtype=np.int64)

    def _last_row(self, last: int) -> int:
        """Return the place behind the last row that is there before place `last`."""
        return int(np.flatnonzero(self.order[:last] >= 0)[-1]) + 1

    @property
    def train_rows(self) -> Index:
        """Rows of the table that training sees, in order of time."""
        seen = self.order[: self.ends("train")[1]]
        return seen[seen >= 0]

    def check(self) -> None:
        """Refuse a series too short for its options, or without anything to forecast."""
        for part in self.parts:
            if not len(self.starts(part)):
                raise ValueError(
                    f"{self._where(0)}: {len(self.values)} rows are too few: no window of "
                    f"{self.window} rows, season of {self.season} and forecast of {self.horizon} "
                    f"fit its {part} part"
                )
        for place in range(len(self.names)):
            _, change = self._train(place)
            if not len(change):
                raise ValueError(
                    f"{self._where(place)} has no two values in its train part that are a season "
                    f"of {self.season} rows apart"
                )
            if not (np.abs(change) > 0).any():
                raise ValueError(
                    f"{self._where(place)} repeats itself every {self.season} rows: there is "
                    "nothing to forecast"
                )

    def _where(self, place: int) -> str:
        return f"{self.where}: column {self.names[place]!r}"

    def _train(self, place: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return what is known of a column in training, and its changes from season to season."""
        train = self.values[: self.ends("train")[1], place]
        change = train[self.season :] - train[: -self.season]
        return train[~np.isnan(train)], change[~np.isnan(change)]

    def goal_of(self, quantiles: tuple[float, ...]) -> Forecasting:
        """Return what is asked of a model, scaled by the training part."""
        found = [self._train(place) for place in range(len(self.names))]
        return Forecasting(
            values=self.horizon,
            offset=tuple(float(known.mean()) for known, _ in found),
            scale=tuple(float(known.std()) for known, _ in found),
            naive_error=tuple(float(np.abs(change).mean()) for _, change in found),
            quantiles=quantiles,
            names=self.names if len(self.names) > 1 else (),
        )

    def rows(self, part: str) -> pd.DataFrame:
        """Return the rows of a part, and before them those of its first window, as written.

        Where empty cells are filled forward, those of the first row are, from the rows before it.
        """
        first, (_, last) = int(self.starts(part)[0]) - self.window, self.ends(part)
        index = self.order[first:last]
        found = self.frame.iloc[index[index >= 0]].reset_index(drop=True)
        upto = self.order[: first + 1]
        for name in self._carried():
            known = self.frame[name].iloc[upto[upto >= 0]].dropna()
            if len(known):
                found.loc[0, name] = known.iloc[-1]
        return found

    def _carried(self) -> list[str]:
        """Return the columns in which the value before stands for an empty cell."""
        assert isinstance(self.preprocessing, WindowPreprocessing)
        made = (self.preprocessing.features, self.preprocessing.known)
        names = [one.names for one in made if one is not None and one.missing == "forward"]
        return list(dict.fromkeys(chain.from_iterable(names)))

    def split(self, part: str) -> Split:
        """Return the windows of a part whose values all lie in it."""
        assert isinstance(self.preprocessing, WindowPreprocessing)
        frame = self.rows(part)
        inputs = self.preprocessing.inputs(frame)
        targets = self.preprocessing.targets(frame, inputs)
        whole = len(self.starts(part))
        past = self._last_season(part)
        return Split(flat(inputs.values)[:whole], targets[:whole], last_season=past)

    def _last_season(self, part: str) -> torch.Tensor:
        """Return what `naive` repeats, (windows, columns, steps), as a view of the values."""
        starts = self.starts(part)
        windows = torch.from_numpy(self.values).unfold(0, min(self.season, self.horizon), 1)
        return windows[int(starts[0]) - self.season :: self.stride][: len(starts)]

    def naive(self, part: str) -> dict[str, float]:
        """Return the metrics of forecasting by the value one season ago."""
        assert isinstance(self.goal, Forecasting)
        forecast = self.goal.seasonal_naive(self._last_season(part))
        rows = self.starts(part)[:, None] + np.arange(self.horizon)
        # (windows, columns, ahead): as outputs and targets lie.
        truth = torch.tensor(self.values[rows]).movedim(-1, 1)
        scores = self.goal.finish(self.goal.tally(forecast, truth.flatten(1)))
        return {name: scores[name] for name in (*self.goal.metrics, "loss")}
