"""Tables with a row for each step, and a column that says which sequence the row belongs to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from .. import memory
from ..base import How, Inputs, Preprocessing, Rows, kept, lengths_of, places_in, rows_of
from ..features import Features
from ..outputs import IGNORED, Outputs
from ..ragged import Ragged, Stored, stored, unequal
from ..reading import columns, files, gaps, time_doubts, times
from ..reading.files import Form

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which rows of a table belong to which sequence, and in which order.

    Args:
        sequence: column that tells the sequences apart.
        time: column that orders the rows of a sequence; empty: they are in order.
        day_first: see `times.moments`.
        gaps: see `gaps.with_gaps`.
        step: distance of two rows in time, see `times.apart`; 0: as most of the rows have it.
    """

    sequence: str
    time: str = ""
    day_first: times.DayFirst = "auto"
    gaps: gaps.Gaps = "keep"
    step: float = 0.0

    def find(self, frame: pd.DataFrame, where: str) -> tuple[Ragged, tuple[str, ...], float]:
        """Return the row of each step, −1: missing; identifiers; and the step of time."""
        for option in ("sequence", "time"):
            name = getattr(self, option)
            if name and name not in frame.columns:
                raise ValueError(
                    f"{where}: there is no column {name!r} for {option}; "
                    f"valid: {columns.listed(list(frame.columns))}"
                )
        if frame.empty:
            raise ValueError(f"{where}: there is no row below the names of the columns")
        columns.content(frame[self.sequence], f"{where}: column {self.sequence!r}")
        ids = columns.texts(frame[self.sequence])
        if None in ids:
            raise ValueError(
                f"{where}: missing values (empty or NaN) in column {self.sequence!r}, the first in "
                f"{columns.row(ids.index(None))}; valid: an identifier in each row"
            )
        named = columns.in_order({text for text in ids if text is not None})
        place = {name: number for number, name in enumerate(named)}
        code = np.array([place[text] for text in ids if text is not None])
        found, step = self._in_time(frame, code, where)
        counts = np.array([len(part) for part in found])
        memory.require_padded(counts, named, where)
        places = torch.from_numpy(np.concatenate(found).astype(np.int64))
        return Ragged(places, torch.from_numpy(counts), -1), tuple(named), step

    def moments(self, frame: pd.DataFrame, where: str) -> times.Moments:
        """Return the time of each row, see `times.moments`."""
        return times.moments(frame[self.time], f"{where}: column {self.time!r}", self.day_first)

    def between(self, frame: pd.DataFrame, where: str) -> times.Moments:
        """Return `moments` whose distances mean something, as those of dates as numbers do not."""
        found = self.moments(frame, where)
        where = f"{where}: column {self.time!r}"
        time_doubts.refuse_dates(np.unique(found), frame[self.time], int(found.argmin()), where)
        return found

    def _in_time(
        self, frame: pd.DataFrame, code: npt.NDArray[np.int64], where: str
    ) -> tuple[list[Rows], float]:
        """Return the rows of each sequence in order, −1 where a step is missing."""
        bounds = np.cumsum(np.bincount(code))[:-1]
        if not self.time:
            return np.split(np.argsort(code, kind="stable"), bounds), 0.0
        column = frame[self.time]
        moments = self.moments(frame, where)
        where = f"{where}: column {self.time!r}"
        order = np.lexsort((moments, code))
        parts = np.split(order, bounds)
        time_doubts.refuse_doubts(moments, parts, column, where)
        for part in parts:
            _check_single(moments, part, frame, self, where)
        distances = [times.apart(moments[part]) for part in parts]
        step = self.step or gaps.most_frequent(np.concatenate(distances), gaps.rounding(moments))
        dates = not times.are_numbers(column)
        found = [
            gaps.with_gaps(moments, part, step, self.gaps, dates=dates, names=column, where=where)
            for part in parts
        ]
        return found, step


def _check_single(
    moments: times.Moments, part: Rows, frame: pd.DataFrame, layout: Layout, where: str
) -> None:
    same = np.flatnonzero(times.apart(moments[part]) == 0)
    if len(same):
        first, second = sorted((int(part[same[0]]), int(part[same[0] + 1])))
        raise ValueError(
            f"{where}: sequence {frame[layout.sequence].iloc[first]!r} has two rows with "
            f"{layout.time} = {frame[layout.time].iloc[first]!r}, {columns.row(first)} and "
            f"{columns.row(second)}"
        )


@dataclass(frozen=True, kw_only=True)
class TablePreprocessing(Preprocessing):
    """Sequences of a table: features of each row, padded unless lengths are very unequal.

    Args:
        layout: which rows are which sequence.
        features: how the features are made.
        form: how the file is written.
        where: what the table is called in messages.
    """

    kind: ClassVar[str] = "table"

    layout: Layout
    features: Features
    form: Form = field(default_factory=Form)
    where: str = "table"

    @classmethod
    def of(cls, data: dict[str, Any]) -> TablePreprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(
            outputs=Outputs.from_dict(data["outputs"]),
            layout=Layout(**data["layout"]),
            features=Features.from_dict(data["features"]),
            form=Form(**data["form"]),
            where=data["where"],
        )

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories."""
        return self.features.places

    def written(self, how: How) -> TablePreprocessing:
        """Return the same for files that are written so."""
        form, days = self.form.otherwise(how)
        layout = self.layout if days is None else dataclasses.replace(self.layout, day_first=days)
        return dataclasses.replace(self, form=form, layout=layout)

    def read(self, path: Path) -> pd.DataFrame:
        """Return the rows of a file, as they are written."""
        classes = self.outputs.names if any("," in name for name in self.outputs.classes) else ()
        kept = (self.layout.sequence, *classes, *self.features.with_comma)
        targets = () if self.outputs.kind == "classes" else self.outputs.names
        numbers = (self.layout.time, *self.features.numeric, *targets)
        return files.read(path, self.form, kept, numbers)

    def inputs(self, raw: pd.DataFrame, found: columns.Floats | None = None) -> Inputs:
        """Return the sequences in the order of their identifiers.

        Args:
            raw: the rows.
            found: what `Features.block` gives of them, where that has been read already.
        """
        raw = files.checked(raw, self.where)
        self.features.check(raw, self.where)
        places, names, _ = self.layout.find(raw, self.where)
        rows = places.values.numpy()
        if found is None:
            found = self.features.block(raw, self.where)
        steps = len(rows) if unequal(places.lengths) else math.prod(places.shape)
        memory.require(
            steps * self.features.width * 4,
            f"{self.where}: sequences{'' if steps == len(rows) else ' padded to one length'}",
            "cut long sequences into several, or fewer columns",
        )
        if (rows < 0).any() or np.isnan(found).any():
            values = self._one_by_one(found, places, self._moments(raw))
        else:
            values = self.features.scaled(self.features.fill(found))[rows]
        return Inputs(kept(values, places), lengths_of(places), names, rows_of(places))

    def _moments(self, raw: pd.DataFrame) -> times.Moments | None:
        """Return the times that empty cells are interpolated by, where they are."""
        if self.features.missing != "interpolate" or not self.layout.time:
            return None
        return self.layout.between(raw, self.where)

    def _one_by_one(
        self, found: columns.Floats, places: Ragged, moments: times.Moments | None
    ) -> npt.NDArray[np.float32]:
        """Fill each sequence by what it has itself."""
        parts = []
        for part in split(places):
            known = part >= 0
            rows = part[known]
            # From the first on: of dates in microseconds float64 would round off.
            at = None if moments is None else (moments[rows] - moments[rows[0]]).astype(np.float64)
            own = self.features.fill(found[rows], at)
            whole = np.zeros((len(part), own.shape[1]))
            whole[known] = own
            parts.append(
                self.features.scaled(
                    gaps.filled(whole, known, self.layout.gaps, kept=[p for p, _ in self.embedded])
                )
            )
        return np.concatenate(parts)

    def targets(self, raw: pd.DataFrame, inputs: Inputs) -> Stored:
        """Return class numbers, or numbers in float32 unless that would round changes off."""
        frame = files.checked(raw, self.where)
        found = targets_of(self.outputs, frame, places_in(inputs), inputs.names, self.where)
        rounded = found.dtype.is_floating_point and not self.outputs.precise
        if not rounded:
            return found
        if isinstance(found, Ragged):
            return dataclasses.replace(found, values=found.values.to(torch.float32))
        return found.to(torch.float32)


def split(places: Ragged) -> list[Rows]:
    """Return the rows of each sequence, −1 where a step is missing."""
    return np.split(places.values.numpy(), places.starts.numpy()[1:])


def targets_of(
    outputs: Outputs, frame: pd.DataFrame, places: Ragged, names: Sequence[str], where: str
) -> Stored:
    """Return class numbers (...), int64, or numbers (..., values), float64.

    Args:
        outputs: what is predicted.
        frame: the table.
        places: which row each step comes from, negative: none.
        names: of the sequences, for the message.
        where: file, for the message.

    Raises:
        ValueError: a cell is no such target, or a sequence has none.
    """
    for name in outputs.names:
        if name not in frame.columns:
            raise ValueError(f"{where}: there is no column {name!r} for target")
    if outputs.kind == "classes":
        name = outputs.names[0]
        texts = columns.texts(frame[name])
        encoded: npt.NDArray[Any] = outputs.class_numbers(texts, f"{where}: column {name!r}")
        there = encoded != IGNORED
    else:
        encoded = columns.block(frame, list(outputs.names), where)
        there = ~np.isnan(encoded).any(1)
    rows = places.values.numpy()
    if outputs.per == "step":
        mark = IGNORED if outputs.kind == "classes" else np.nan
        laid = encoded[np.maximum(rows, 0)]
        laid[rows < 0] = mark
        return stored(Ragged(torch.from_numpy(laid), places.lengths, mark))
    steps = np.flatnonzero((rows >= 0) & there[np.maximum(rows, 0)])
    owner = np.repeat(np.arange(len(places)), places.lengths.numpy())[steps]
    # All rows of a sequence share its target that have one.
    having, first = np.unique(owner, return_index=True)
    if len(having) < len(places):
        number = int(np.setdiff1d(np.arange(len(places)), having)[0])
        own = places.sequence(number)
        mine = own[own >= 0]
        lacking = [
            name
            for name, column in zip(outputs.names, encoded.reshape(len(encoded), -1).T, strict=True)
            if outputs.kind == "classes" or np.isnan(column[mine]).all()
        ]
        what = (
            f"column {' and '.join(map(repr, lacking))} is empty in all rows"
            if lacking
            else f"columns {' and '.join(map(repr, outputs.names))} stand together in no row"
        )
        raise ValueError(
            f"{where}: {what} of sequence {names[number]!r}, from {columns.row(int(mine.min()))} "
            "on; valid: a target for each, or leave it out"
        )
    return torch.from_numpy(encoded[rows[steps[first]]])
