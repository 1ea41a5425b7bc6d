"""Windows over the rows of one long series, as views: no row is copied before a batch is taken."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..base import Answers, How, Inputs, Preprocessing, Rows
from ..features import Features
from ..outputs import Outputs
from ..reading import columns, files, gaps, times
from ..reading.files import Form

if TYPE_CHECKING:
    import pandas as pd


def windows(rows: Tensor, starts: npt.NDArray[np.int64], window: int) -> Tensor:
    """Return (windows, window, features): the rows before each start, evenly apart, as a view.

    Args:
        rows: (rows, features), contiguous.
        starts: row behind each window; their distances are all the same.
        window: rows of a window.
    """
    stride = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    width = rows.shape[1]
    offset = (int(starts[0]) - window) * width
    return rows.as_strided((len(starts), window, width), (stride * width, width, 1), offset)


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; windows stay a view there, instead of growing to their size."""
    if values.device == device:
        return values
    held = values.untyped_storage().nbytes() // values.element_size()
    if values.device.type == "meta" or values.numel() <= held:
        return values.to(device)
    base = values.as_strided((held,), (1,), 0).to(device)
    return base.as_strided(values.shape, values.stride(), values.storage_offset())


@dataclass(frozen=True, kw_only=True)
class WindowPreprocessing(Preprocessing):
    """The rows before a time are the input, the next values of columns the answer.

    Every row is a step, at the same distance from the next. What is known in advance stands beside
    each row as it will be `horizon` rows later, so that the last rows of a window hold it for all
    rows that are forecast.

    Args:
        forecast: columns whose next values are answered.
        features: how the features of a row are made from columns of its own time.
        known: how they are made from columns of `horizon` rows later; None: there are none.
        window: rows of a window.
        horizon: values of each that are forecast at once.
        stride: rows between two windows, the first of which begins at the first row.
        time: column of the time; empty: rows are in order.
        day_first, gaps, step: see `tables.Layout`.
        form: how the file is written.
        where: what the table is called in messages.
    """

    kind: ClassVar[str] = "forecast"

    forecast: tuple[str, ...]
    features: Features
    known: Features | None = None
    window: int
    horizon: int
    stride: int = 1
    time: str = ""
    day_first: times.DayFirst = "auto"
    gaps: gaps.Gaps = "refuse"
    step: float = 0.0
    form: Form = field(default_factory=Form)
    where: str = "table"

    @classmethod
    def of(cls, data: dict[str, Any]) -> WindowPreprocessing:
        """Return what `to_dict` has written, without its kind."""
        parts = {
            "forecast": tuple(data["forecast"]),
            "outputs": Outputs.from_dict(data["outputs"]),
            "features": Features.from_dict(data["features"]),
            "known": None if data["known"] is None else Features.from_dict(data["known"]),
            "form": Form(**data["form"]),
        }
        return cls(**{**data, **parts})

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories."""
        ahead = () if self.known is None else self.known.places
        width = self.features.width
        return (*self.features.places, *((width + place, levels) for place, levels in ahead))

    @property
    def anchors(self) -> tuple[tuple[int, float, float], ...]:
        """For each output the place of its series' past, and factor and shift to its own unit."""
        own, numeric = self.features, self.features.numeric
        each = self.outputs.size // len(self.forecast)
        found = []
        for number, name in enumerate(self.forecast):
            if name not in numeric:
                return ()
            column = numeric.index(name)
            offset, scale = self.outputs.offset[number * each], self.outputs.scale[number * each]
            factor = own.scale[column] / scale
            shift = (own.offset[column] - offset) / scale
            found += [(own.first[name], factor, shift)] * each
        return tuple(found)

    def written(self, how: How) -> WindowPreprocessing:
        """Return the same for files that are written so."""
        form, days = self.form.otherwise(how)
        return replace(self, form=form, day_first=days or self.day_first)

    def read(self, path: Path) -> pd.DataFrame:
        """Return the rows of a file, as they are written."""
        described = [self.features, *([] if self.known is None else [self.known])]
        kept = [name for features in described for name in features.with_comma]
        numbers = [name for features in described for name in features.numeric]
        return files.read(path, self.form, kept, (self.time, *self.forecast, *numbers))

    def after_each_row(self) -> WindowPreprocessing:
        """Return the same with a window that ends at each row, however far apart they were."""
        return replace(self, stride=1)

    def inputs(self, raw: pd.DataFrame) -> Inputs:
        """Return the windows of the rows, also those whose answers lie behind the last row.

        Where columns are known in advance, rows at the end without a target are the future, and a
        window needs `horizon` rows behind it.
        """
        frame, order, past = self._ordered(raw)
        values = self._rows(frame, order, past)
        starts = self._starts(len(order), past)
        last = order[starts - 1]
        names: list[Any] = starts.tolist()
        if self.time:
            names = _named(columns.texts(frame[self.time]), order, starts - 1)
        return Inputs(
            windows(torch.from_numpy(values), starts, self.window),
            None,
            tuple(map(str, names)),
            last[:, None],
            without_last=self._without_last(frame, order, starts),
        )

    def _without_last(
        self, frame: pd.DataFrame, order: Rows, starts: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_] | None:
        own = [name for name in self.forecast if name in self.features.numeric]
        if self.features.missing == "refuse" or not own:
            return None
        rows = order[_before(order)]
        gone = np.stack([columns.missing(frame[name])[rows] for name in own])
        if self.features.missing == "forward":
            # Before the first value there is none to carry forward.
            gone = np.logical_and.accumulate(gone, axis=1)
        return np.asarray(gone[:, starts - 1].any(0))

    def targets(self, raw: pd.DataFrame, inputs: Inputs) -> Tensor:
        """Return (windows, targets · horizon) values in float64, column after column.

        They are NaN where they lie behind the last row.
        """
        frame, order, past = self._ordered(raw)
        starts = self._starts(len(order), past)
        found = np.full((len(starts), len(self.forecast), self.horizon), np.nan)
        whole = starts + self.horizon <= len(order)
        for place, name in enumerate(self.forecast):
            series = columns.numbers(frame[name], f"{self.where}: column {name!r}")
            series = np.where(order >= 0, series[np.maximum(order, 0)], np.nan)
            found[whole, place] = series[starts[whole, None] + np.arange(self.horizon)]
        return torch.from_numpy(found.reshape(len(starts), -1))

    def answers(self, outputs: Tensor, inputs: Inputs) -> Answers:
        """Return the forecasts of each window: of each target each value (and quantile) ahead."""
        found = self.outputs.numbers(outputs)
        return {name: found[:, place] for place, name in enumerate(self.outputs.names)}

    def _ordered(self, raw: pd.DataFrame) -> tuple[pd.DataFrame, Rows, int]:
        """Return the table, its rows in order of time (−1: missing), and how many are no future."""
        frame = files.checked(raw, self.where)
        for described in (self.features, self.known):
            if described is not None:
                described.check(frame, self.where)
        order, _ = gaps.in_time(frame, self.time, self.day_first, self.gaps, self.step, self.where)
        past = len(order)
        written = [name for name in self.forecast if name in frame.columns]
        if self.known is not None and written:
            there = np.any([~columns.missing(frame[name]) for name in written], axis=0)
            ends = np.flatnonzero((order >= 0) & there[np.maximum(order, 0)])
            past = int(ends[-1]) + 1 if len(ends) else 0
        return frame, order, past

    def _starts(self, rows: int, past: int) -> npt.NDArray[np.int64]:
        last = past if self.known is None else min(past, rows - self.horizon)
        starts = np.arange(self.window, last + 1, self.stride, dtype=np.int64)
        if not len(starts):
            raise ValueError(
                f"{self.where}: {past} rows are too few: a window takes {self.window}"
                + ("" if self.known is None else f", and {self.horizon} rows of known columns")
            )
        return starts

    def _rows(self, frame: pd.DataFrame, order: Rows, past: int) -> npt.NDArray[np.float32]:
        """Return (past, features) of every row that is no future, in order of time."""
        own = self._features(self.features, frame, order[:past])
        if self.known is None:
            return own
        ahead = self._features(self.known, frame, order)[self.horizon :][:past]
        behind = np.zeros((past - len(ahead), ahead.shape[1]), dtype=np.float32)
        return np.concatenate((own, np.concatenate((ahead, behind))), axis=1)

    def _features(
        self, features: Features, frame: pd.DataFrame, order: Rows
    ) -> npt.NDArray[np.float32]:
        known = order >= 0
        ordered = frame.iloc[order[known]]
        found = features.fill(features.block(ordered, self.where))
        if not known.all():
            whole = np.zeros((len(order), found.shape[1]))
            whole[known] = found
            found = gaps.filled(whole, known, self.gaps)
        return features.scaled(found)


def tell_levels(model: nn.Module, inputs: Inputs, index: Rows, where: str) -> None:
    """Warn of forecasts relative to a last value that was not there.

    Args:
        model: what forecasts.
        inputs: the windows.
        index: of those that are forecast from.
        where: what the rows are called.
    """
    if getattr(model, "relative", None) is None or inputs.without_last is None:
        return
    lacking = index[inputs.without_last[index]]
    if len(lacking):
        warnings.warn(
            f"{where}: {len(lacking)} forecasts, the first at {inputs.names[int(lacking[0])]}, are "
            "relative to an empty last value, for which the mean of the training part stands; fill "
            "it, or train with missing=forward where a value stands before it",
            stacklevel=4,
        )


def _before(order: Rows) -> Rows:
    """Return the place of each row in time, of a missing one that of the row before it."""
    return np.maximum.accumulate(np.where(order >= 0, np.arange(len(order)), 0))


def _named(written: list[str | None], order: Rows, places: Rows) -> list[str]:
    """Return the times of the rows at these places in time; one that is missing has none written.

    It is called by the row before it, and how many steps it is later: "9:00 +2".
    """
    before = _before(order)
    names = []
    for place in places.tolist():
        known = int(before[place])
        later = f" +{place - known}" if place > known else ""
        names.append(f"{written[order[known]]}{later}")
    return names
