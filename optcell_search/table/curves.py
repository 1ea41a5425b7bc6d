"""A column of lists in a table's Parquet file, which are not unpacked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]


class Curves:
    """A column of lists, as one array and where each list begins.

    Attributes:
        lengths: of the lists.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        self._values: Numbers = lists.values.to_numpy()
        self._begins: Counts = lists.offsets.to_numpy().astype(np.int64)
        self.lengths: Counts = np.diff(self._begins)

    def at(self, row: int, place: int) -> float:
        """Return a number of a list, counted from 0."""
        return float(self._values[self._begins[row] + place])

    def all(self, row: int) -> list[float]:
        """Return a list."""
        values: list[float] = self._values[self._begins[row] : self._begins[row + 1]].tolist()
        return values

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest number of all lists."""
        known = self._values[~np.isnan(self._values)]
        return (float(known.min()), float(known.max())) if len(known) else (-np.inf, np.inf)

    @property
    def last(self) -> Numbers:
        """The last number of each list; none may be empty."""
        last: Numbers = self._values[self._begins[1:] - 1]
        return last

    @property
    def rise(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each list, none of them empty, goes on from 0 and never back, all finite."""
        before = np.roll(self._values, 1)
        before[self._begins[:-1]] = 0.0
        sound = np.isfinite(self._values) & (self._values >= before)
        return np.logical_and.reduceat(sound, self._begins[:-1])
