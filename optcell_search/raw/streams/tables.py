"""Streams of the rows of a table, whose sequences may come side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..base import Rows
from ..kinds.tables import TablePreprocessing, split
from ..reading import columns, files, gaps, times
from ..reading.columns import Floats
from .base import WHERE, Stream, refuse_looking_ahead

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Seen:
    """Where a sequence stands.

    Args:
        state: of the model.
        filled: (1, features) of the last row, nothing missing, not scaled.
        moment: time of the last row, as a number and as it is written.
    """

    state: Any = None
    filled: Floats | None = None
    moment: tuple[Any, Any] | None = None


class TableStream(Stream):
    """Feeds rows, each with the identifier of its sequence, in order of time within each.

    There is an answer for each row. Where every step is answered they are numbered as the rows
    that were fed; else they stand under the identifier of their sequence.
    """

    preprocessing: TablePreprocessing

    def __init__(self, model: nn.Module, preprocessing: TablePreprocessing) -> None:
        super().__init__(model, preprocessing)
        refuse_looking_ahead(preprocessing.features)
        if preprocessing.layout.gaps not in ("keep", "refuse"):
            raise ValueError(
                f"gaps={preprocessing.layout.gaps} fills rows that are missing, of which a stream "
                "knows nothing; valid: predict"
            )
        self._seen: dict[str, _Seen] = {}
        self._rows = 0

    def feed(self, raw: Any, *, proba: bool = False) -> pd.DataFrame:
        """Return an answer for each row; a single row may be a mapping of its columns."""
        import pandas as pd

        own = dataclasses.replace(self.preprocessing, where=WHERE)
        frame = files.checked(pd.DataFrame([raw]) if isinstance(raw, dict) else raw, WHERE)
        own.features.check(frame, WHERE)
        # In order of the file: what the times of a sequence are is looked at row by row.
        places, names, _ = dataclasses.replace(own.layout, time="", gaps="keep").find(frame, WHERE)
        found = own.features.block(frame, WHERE)
        moments = self._moments(frame)
        outputs: Tensor | None = None
        after: dict[str, _Seen] = {}
        for name, part in zip(names, split(places), strict=True):
            seen = self._seen.get(name, _Seen())
            moment = self._in_order(seen, frame, part, moments, name)
            before = 0 if seen.filled is None else 1
            block = (
                found[part] if seen.filled is None else np.concatenate((seen.filled, found[part]))
            )
            filled = own.features.fill(block)
            values = torch.from_numpy(own.features.scaled(filled[before:]))
            made, state = self._advance(values, seen.state)
            if outputs is None:
                outputs = made.new_empty(len(frame), made.shape[1])
            outputs[torch.from_numpy(part)] = made
            after[name] = _Seen(state, filled[-1:, : found.shape[1]], moment)
        assert outputs is not None, "a table without rows has been refused"
        answers = self._answers(outputs, proba=proba)
        self._seen |= after
        first, self._rows = self._rows, self._rows + len(frame)
        index: pd.Index[Any]
        if own.outputs.per == "step":
            index = pd.RangeIndex(first + 1, self._rows + 1, name="row")
        else:
            index = pd.Index(columns.texts(frame[own.layout.sequence]), name=own.layout.sequence)
        return pd.DataFrame(answers, index=index)

    def _moments(self, frame: pd.DataFrame) -> times.Moments | None:
        layout = self.preprocessing.layout
        if not layout.time:
            return None
        if layout.time not in frame.columns:
            raise ValueError(f"{WHERE}: there is no column {layout.time!r} for time")
        where = f"{WHERE}: column {layout.time!r}"
        return times.moments(frame[layout.time], where, layout.day_first)

    def _in_order(
        self,
        seen: _Seen,
        frame: pd.DataFrame,
        part: Rows,
        moments: times.Moments | None,
        name: str,
    ) -> tuple[Any, Any] | None:
        """Return the time of the last row; refuse rows that do not follow each other."""
        if moments is None:
            return None
        layout, column = self.preprocessing.layout, frame[self.preprocessing.layout.time]
        written = [*([seen.moment[1]] if seen.moment else []), *column.iloc[part]]
        known = np.array([*([seen.moment[0]] if seen.moment else []), *moments[part]])
        wrong = np.flatnonzero(~(times.apart(known) > 0))
        if len(wrong):
            place = int(wrong[0])
            raise ValueError(
                f"{WHERE}: sequence {name!r} has {layout.time} = {written[place + 1]!r} after "
                f"{written[place]!r}; valid: rows in order of time"
            )
        if layout.gaps == "refuse":
            import pandas as pd

            order = np.arange(len(known))
            dates, names = not times.are_numbers(column), pd.Series(written)
            where = f"{WHERE}: column {layout.time!r}"
            gaps.with_gaps(
                known, order, layout.step, "refuse", dates=dates, names=names, where=where
            )
        return known[-1], written[-1]
