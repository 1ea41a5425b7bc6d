"""From the columns of a table to the features of a step: numbers, categories, what is missing."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .plain import tuples
from .reading import columns
from .reading.columns import Floats

if TYPE_CHECKING:
    import pandas as pd

Missing = Literal["refuse", "forward", "interpolate", "mean", "mask"]
MOST_LEVELS = 20


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the features of a step are, and how each is made from its column.

    A column of numbers is one feature, value = (number − offset) / scale, or 0 whatever the number
    where it was `constant` in training and is scaled. A column of categories is
    as many as it has levels, one of them 1 and the others 0, or, where a model is to embed it, one:
    the number of the level, and one behind the last where a cell is empty. Where missing cells are
    masked, a last feature for each such column is 1 where its number was missing.

    Args:
        names: columns in the order of the features.
        levels: column → its levels, for those that are categories.
        embedded: those of them that a model embeds.
        offset, scale: one for each column of numbers, in their order.
        missing: what becomes of an empty cell: "refuse" it, "forward" the number before it in its
            sequence, "interpolate" between its neighbours, by time where rows have one, take the
            "mean" of the training part, or that with a "mask". A category that is embedded has no
            mean and no neighbours: it is the one "forward", or a category of its own.
        mean: means of the training part over the features that `names` give, in their order.
        masked: columns with a feature that says where they were missing.
        truths: columns of numbers that held True and False in training; None: nobody has noted it.
        constant: columns of numbers that are scaled and never changed in training.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    missing: Missing = "refuse"
    mean: tuple[float, ...] = ()
    masked: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    truths: tuple[str, ...] | None = None
    constant: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Features:
        """Return the features that `dataclasses.asdict` has written, through JSON or not."""
        levels = {name: tuple(found) for name, found in data["levels"].items()}
        return cls(**{**tuples(data), "levels": levels})

    @property
    def numeric(self) -> list[str]:
        """Columns that are numbers."""
        return [name for name in self.names if name not in self.levels]

    @property
    def with_comma(self) -> tuple[str, ...]:
        """Columns of categories with a comma in a name; in others it can but be a decimal sign."""
        return tuple(n for n, found in self.levels.items() if any("," in level for level in found))

    @property
    def width(self) -> int:
        """Features of a step."""
        return sum(map(self._width, self.names)) + len(self.masked)

    def _width(self, name: str) -> int:
        """Features that a column gives."""
        return 1 if name in self.embedded else len(self.levels.get(name, ("",)))

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Place of each feature that a model embeds, and how many numbers it may be."""
        return tuple((self.first[name], len(self.levels[name]) + 1) for name in self.embedded)

    def check(self, frame: pd.DataFrame, where: str) -> None:
        """Refuse a frame that lacks a column; the message names the first."""
        for name in self.names:
            if name not in frame.columns:
                raise ValueError(
                    f"{where}: there is no column {name!r}; there are "
                    f"{columns.listed(list(frame.columns))}"
                )

    def block(self, frame: pd.DataFrame, where: str) -> Floats:
        """Return (rows, features without masks), NaN where a cell is empty, not yet scaled.

        Raises:
            ValueError: a cell is no number, a category is unknown, or a cell is empty and shall not
                be; the message names file, column and the first row.
        """
        numbers = columns.block(frame, self.numeric, where)
        self._check_truths(frame, numbers, where)
        if not self.levels:
            found = numbers
        else:
            parts, place = [], 0
            for name in self.names:
                if name in self.levels:
                    parts.append(self._categories(frame[name], name, where))
                else:
                    parts.append(numbers[:, place : place + 1])
                    place += 1
            found = np.concatenate(parts, axis=1)
        self.check_missing(found, where)
        return found

    def _check_truths(self, frame: pd.DataFrame, numbers: Floats, where: str) -> None:
        """Refuse True and False where training had numbers, and numbers where it had these."""
        if self.truths is None:
            return
        for name in columns.truths(frame, self.numeric):
            if name not in self.truths:
                first = int(np.flatnonzero(~columns.missing(frame[name]))[0])
                raise ValueError(
                    f"{where}: column {name!r}, {columns.row(first)} holds "
                    f"{frame[name].iloc[first]}; in training there were numbers"
                )
        for name in self.truths:
            column = numbers[:, self.numeric.index(name)]
            odd = np.flatnonzero(~np.isnan(column) & (column != 0) & (column != 1))
            if len(odd):
                raise ValueError(
                    f"{where}: column {name!r}, {columns.row(int(odd[0]))} holds "
                    f"{column[odd[0]]:g}; in training there were True and False"
                )

    def _categories(self, column: pd.Series[Any], name: str, where: str) -> Floats:
        """Return the numbers of the levels (rows, 1), or (rows, levels) one-hot."""
        place = {level: number for number, level in enumerate(self.levels[name])}
        found = np.zeros((len(column), self._width(name)))
        for number, text in enumerate(columns.texts(column)):
            if text is None:
                found[number] = np.nan
            elif text in place and name in self.embedded:
                found[number] = place[text]
            elif text in place:
                found[number, place[text]] = 1.0
            else:
                raise ValueError(
                    f"{where}: column {name!r}, {columns.row(number)} holds "
                    f"{columns.shown(text)}, which training did not see; valid: "
                    f"{columns.listed(list(place))}"
                )
        return found

    def check_missing(self, found: Floats, where: str) -> None:
        """Refuse empty cells, where they are to be refused; the message names the first."""
        if self.missing != "refuse" or not np.isnan(found).any():
            return
        rows, places = np.nonzero(np.isnan(found))
        name = self.column_of(int(places[0]))
        count = int(np.isnan(found[:, places[0]]).sum())
        raise ValueError(
            f"{where}: {count} missing values (empty or NaN) in column {name!r}, the first in "
            f"{columns.row(int(rows[0]))}; valid: fill them, or missing=forward, interpolate, mean "
            "or mask"
        )

    def column_of(self, feature: int) -> str:
        """Return which column a feature (not a mask) comes from."""
        place = bisect.bisect_right([*self.first.values()], feature) - 1
        return self.names[place]

    def fill(self, found: Floats, at: Floats | None = None) -> Floats:
        """Return one sequence's `block` with nothing missing and the masks beside it, unscaled.

        Args:
            found: (rows, features without masks) in order.
            at: (rows,) times, along which is interpolated; None: rows are equally far apart.
        """
        along = np.arange(len(found), dtype=np.float64) if at is None else at
        gone = np.isnan(found)
        masks = gone[:, [self.first[name] for name in self.masked]].astype(np.float64)
        if gone.any():
            found = found.copy()
            for place in np.flatnonzero(gone.any(0)):
                found[:, place] = self._filled(found[:, place], gone[:, place], int(place), along)
        return np.concatenate((found, masks), axis=1) if self.masked else found

    @functools.cached_property
    def first(self) -> dict[str, int]:
        """Column → its first feature."""
        widths = (
            [self._width(name) for name in self.names] if self.levels else [1] * len(self.names)
        )
        return dict(zip(self.names, np.cumsum([0, *widths])[:-1].tolist(), strict=True))

    def _filled(
        self, column: Floats, gone: npt.NDArray[np.bool_], place: int, at: Floats
    ) -> Floats:
        rows = np.arange(len(column))
        there = rows[~gone]
        between = self.missing == "interpolate" and self.column_of(place) not in self.embedded
        if between and len(there):
            return np.asarray(np.interp(at, at[there], column[there]))
        # Before the first number there is none to carry forward.
        values = np.where(gone, self.mean[place], column)
        if self.missing == "forward" and len(there):
            last = np.maximum.accumulate(np.where(gone, -1, rows))
            values = np.where(last >= 0, column[np.maximum(last, 0)], values)
        return values

    def scaled(self, filled: Floats) -> npt.NDArray[np.float32]:
        """Return (rows, features) as a model takes them."""
        scaled = filled.copy()
        if not self.levels:
            # In one go: a table may have a hundred thousand columns.
            width = len(self.names)
            scaled[:, :width] = (filled[:, :width] - np.array(self.offset)) / np.array(self.scale)
        else:
            for name, offset, scale in zip(self.numeric, self.offset, self.scale, strict=True):
                place = self.first[name]
                scaled[:, place] = (filled[:, place] - offset) / scale
        scaled[:, [self.first[name] for name in self.constant]] = 0.0
        return scaled.astype(np.float32)
