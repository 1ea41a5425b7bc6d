"""The rows of a table in a Parquet file: curves are columns of lists, which are not unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..tuning.resolving.amounts import is_whole
from .schema import CURVE, CURVES, FORMAT, HEAD, TEXTS, check_columns, head_of


def write_rows(path: Path, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, as `training.train_row` makes them, into a Parquet file.

    Args:
        path: of the file.
        head: what the table is of, and what made it; plain data.
        rows: in the order of the table.
    """
    columns: dict[str, pa.Array] = {
        name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in TEXTS
    }
    columns["seed"] = pa.array([row["seed"] for row in rows], pa.int64())
    for name in ("candidate", "gradients"):
        columns[name] = pa.array([json.dumps(row[name]) for row in rows], pa.string())
    columns["seconds"] = pa.array([row["seconds"] for row in rows], CURVE)
    for part in CURVES:
        for name in _names(row[part] for row in rows):
            values = [row[part].get(name, []) for row in rows]
            columns[f"{part}.{name}"] = pa.array(values, CURVE)
    for name in _names(row["test"] for row in rows):
        columns[f"test.{name}"] = pa.array([row["test"].get(name) for row in rows], pa.float64())
    said = json.dumps({"format": FORMAT, **head})
    table = pa.table(columns).replace_schema_metadata({HEAD: said.encode()})
    # With checksums what is damaged later is told from what was written.
    pq.write_table(table, path, compression="zstd", compression_level=19, write_page_checksum=True)


def _names(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table))


class Rows:
    """The rows of a Parquet file.

    Args:
        path: of the file.

    Attributes:
        head: what the table is of, and what made it.
        index: (key of a candidate, seed) → number of its row.
        candidates: key → candidate as plain data, in the order of the table.
        seeds: those that every candidate was trained with.

    Raises:
        ValueError: it is none that `write_rows` has written, or it has been damaged since.
    """

    def __init__(self, path: Path) -> None:
        try:
            table = pq.read_table(path, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise ValueError(f"{path}: no sound Parquet file: {said}") from error
        self.head = head_of(table.schema, path)
        check_columns(table, path)
        self._texts = {name: table[name].to_pylist() for name in (*TEXTS, "gradients")}
        keys, seeds = self._texts["key"], table["seed"].to_pylist()
        self.index = {pair: i for i, pair in enumerate(zip(keys, seeds, strict=True))}
        self.seeds: tuple[int, ...] = tuple(sorted(set(seeds)))
        plain = table["candidate"].to_pylist()
        first = dict(zip(keys, plain, strict=True))
        if not len(first) * len(self.seeds) == len(self.index) == table.num_rows > 0:
            raise ValueError(f"{path}: not every candidate has one row of every seed")
        self.candidates = {key: json.loads(first[key]) for key in dict.fromkeys(keys)}
        self._curves: dict[str, dict[str, _Curves]] = {part: {} for part in (*CURVES, "seconds")}
        self._tests: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
        for column in table.column_names:
            part, _, name = column.partition(".")
            if part in self._curves:
                self._curves[part][name] = _Curves(table[column])
            elif part == "test":
                self._tests[name] = table[column].to_numpy()

    def __len__(self) -> int:
        return len(self.index)

    def epochs(self, row: int) -> int:
        """Return how many epochs a row holds."""
        return self._curves["validation"]["epoch"].length(row)

    def at(self, part: str, row: int, epoch: int) -> dict[str, float]:
        """Return the numbers of an epoch, from 1 on, by name; `part` is validation or train.

        Raises:
            ValueError: the row holds no such epoch.
        """
        trained = self.epochs(row)
        if not is_whole(epoch) or not 1 <= epoch <= trained:
            why, _ = self.failure(row)
            said = f", where it {why}" if why else ""
            raise ValueError(f"epoch = {epoch!r}; valid: 1 to {trained}{said}")
        return {name: curves.at(row, epoch - 1) for name, curves in self._curves[part].items()}

    def curves(self, part: str, row: int) -> dict[str, list[float]]:
        """Return the numbers of every epoch of a row by name; `part` is validation or train."""
        found = {name: curves.all(row) for name, curves in self._curves[part].items()}
        return {name: values for name, values in found.items() if values}

    def range(self, part: str, name: str) -> tuple[float, float]:
        """Return the lowest and the highest number there is by a name, of all rows and epochs."""
        return self._curves[part][name].range

    def seconds(self, row: int) -> list[float]:
        """Return the seconds from the start to the end of each epoch."""
        return self._curves["seconds"][""].all(row)

    def test(self, row: int) -> dict[str, float]:
        """Return the scores on the test split, NaN where the training diverged."""
        return {name: float(values[row]) for name, values in self._tests.items()}

    def gradients(self, row: int) -> dict[int, float]:
        """Return distance from the last step → norm of the gradient there."""
        return {int(d): norm for d, norm in json.loads(self._texts["gradients"][row]).items()}

    def row(self, row: int) -> dict[str, Any]:
        """Return a row as `write_rows` was given it."""
        key, seed = next(pair for pair, number in self.index.items() if number == row)
        failed = bool(self._texts["reason"][row])
        return {
            "candidate": self.candidates[key],
            "seed": seed,
            **{name: self._texts[name][row] for name in TEXTS},
            "gradients": json.loads(self._texts["gradients"][row]),
            "seconds": self.seconds(row),
            **{part: self.curves(part, row) for part in CURVES},
            "test": {} if failed else self.test(row),
        }

    def failure(self, row: int) -> tuple[str, str]:
        """Return why a training failed, and the detail; empty texts where it did not."""
        return self._texts["reason"][row], self._texts["detail"][row]


class _Curves:
    """A column of lists, as one array and where each list begins."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        self._values = lists.values.to_numpy()
        self._begins = lists.offsets.to_numpy()

    def length(self, row: int) -> int:
        return int(self._begins[row + 1] - self._begins[row])

    def at(self, row: int, place: int) -> float:
        return float(self._values[self._begins[row] + place])

    @property
    def range(self) -> tuple[float, float]:
        known = self._values[~np.isnan(self._values)]
        return (float(known.min()), float(known.max())) if len(known) else (-np.inf, np.inf)

    def all(self, row: int) -> list[float]:
        values: list[float] = self._values[self._begins[row] : self._begins[row + 1]].tolist()
        return values
