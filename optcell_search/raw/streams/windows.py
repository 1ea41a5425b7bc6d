"""Streams of the rows of a series, of which the next values are forecast."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from ..kinds.windows import WindowPreprocessing, tell_levels
from ..ragged import flat
from ..reading import files
from ..reading.columns import listed
from ..reading.gaps import in_time
from .base import WHERE, Stream, refuse_looking_ahead

if TYPE_CHECKING:
    import pandas as pd


class WindowStream(Stream):
    """Feeds rows in order of time; there is a forecast after each, once a window is full.

    A forecast is made from the rows of its window and of nothing before it, as in training; what
    is kept are the last rows. Where missing rows are filled, `predict` forecasts after each of
    them, too, a stream after those that it is fed.
    """

    stepwise: ClassVar[bool] = False
    preprocessing: WindowPreprocessing

    def __init__(self, model: nn.Module, preprocessing: WindowPreprocessing) -> None:
        super().__init__(model, preprocessing)
        if preprocessing.known is not None:
            raise ValueError(
                f"columns known in advance ({listed(preprocessing.known.names, 5)}) need rows "
                "of the future, which a stream has not; valid: predict"
            )
        refuse_looking_ahead(preprocessing.features)
        own = preprocessing.after_each_row()
        self.preprocessing = dataclasses.replace(own, where=WHERE)
        self._kept: pd.DataFrame | None = None

    def feed(self, raw: Any, *, proba: bool = False) -> pd.DataFrame:
        """Return a forecast after each row that has a full window before it.

        Args:
            raw: the rows; a single one may be a mapping of its columns.
            proba: numbers have no probabilities: ValueError.
        """
        import pandas as pd

        own = self.preprocessing
        frame = files.checked(pd.DataFrame([raw]) if isinstance(raw, dict) else raw, own.where)
        own.features.check(frame, own.where)
        names = [*own.features.names, *([own.time] if own.time else [])]
        if own.time and own.time not in frame.columns:
            raise ValueError(f"{own.where}: there is no column {own.time!r} for time")
        frame = frame[list(dict.fromkeys(names))]
        before = 0 if self._kept is None else len(self._kept)
        rows = frame if self._kept is None else pd.concat([self._kept, frame], ignore_index=True)
        rows = rows.reset_index(drop=True)
        found = self._forecasts(rows, before, proba=proba)
        if own.features.missing == "forward":
            # What is kept must not need what is let go.
            columns = list(own.features.names)
            rows = rows.assign(**{name: rows[name].ffill() for name in columns})
        self._kept = rows.tail(own.window)
        return found

    def _forecasts(self, rows: pd.DataFrame, before: int, *, proba: bool) -> pd.DataFrame:
        import pandas as pd

        own = self.preprocessing
        index_name = own.time or "rows"
        order, _ = in_time(rows, own.time, own.day_first, own.gaps, own.step, own.where)
        if (np.diff(order[order >= 0]) < 0).any():
            raise ValueError(f"{own.where}: rows are not in order of {own.time!r}; valid: they are")
        if len(order) < own.window:
            # Looked at all the same, so that what is wrong is said at once.
            dataclasses.replace(own, window=1).inputs(rows)
            none = self._answers(torch.empty(0, own.outputs.size), proba=proba)
            return pd.DataFrame(none, index=pd.Index([], name=index_name, dtype=object))
        inputs = own.inputs(rows)
        new = np.flatnonzero(inputs.rows[:, 0] >= before)
        tell_levels(self._model, inputs, new, own.where)
        with torch.no_grad():
            outputs = self._model(flat(inputs.values)[torch.from_numpy(new)])
        names = [inputs.names[place] for place in new]
        answers = self._answers(outputs, proba=proba, called=lambda place: repr(names[place]))
        return pd.DataFrame(answers, index=pd.Index(names, name=index_name))
