"""The rows of a table in a Parquet file: curves are columns of lists, which are not unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..ledger.trials.attributes import whole_number
from ..ledger.typed import checker, in_words, short
from ..tuning.resolving.amounts import is_whole
from .checking import check_rows
from .curves import Curves
from .schema import CURVE, CURVES, FORMAT, HEAD, TEXTS, check_columns, head_of, needed

_CANDIDATE, _NORMS = dict[str, dict[str, Any]], dict[str, float]


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


def _read(text: str, hint: Any, where: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if not checker(hint)(value):
        raise ValueError(f"{where} = {short(value)}; valid: {in_words(hint)}, as JSON")
    return value


class Rows:
    """The rows of a Parquet file.

    Args:
        path: of the file.

    Attributes:
        path: of the file.
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
        check_columns(table, self.head["metrics"], path)
        self.path = path
        self._texts = {name: table[name].to_pylist() for name in TEXTS}
        keys, seeds = self._texts["key"], table["seed"].to_pylist()
        self._pairs = list(zip(keys, seeds, strict=True))
        self.index = {pair: i for i, pair in enumerate(self._pairs)}
        self.seeds: tuple[int, ...] = tuple(sorted(set(seeds)))
        plain = table["candidate"].to_pylist()
        first = dict(zip(keys, plain, strict=True))
        if not len(first) * len(self.seeds) == len(self.index) == table.num_rows > 0:
            raise ValueError(f"{path}: not every candidate has one row of every seed")
        if len(set(zip(keys, plain, strict=True))) > len(first):
            raise ValueError(f"{path}: rows of one key are of several candidates")
        self.candidates = {
            key: _read(first[key], _CANDIDATE, f"{path}: candidate {key}") for key in first
        }
        self._gradients = [
            {whole_number(d, self._where(i)): norm for d, norm in norms.items()}
            for i, text in enumerate(table["gradients"].to_pylist())
            for norms in [_read(text, _NORMS, f"{self._where(i)}: gradients")]
        ]
        self._curves: dict[str, dict[str, Curves]] = {part: {} for part in (*CURVES, "seconds")}
        self._tests: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
        for column in table.column_names:
            part, _, name = column.partition(".")
            if part in self._curves:
                self._curves[part][name] = Curves(table[column])
            elif part == "test":
                self._tests[name] = table[column].to_numpy()
        check_rows(
            self._curves,
            self._texts["reason"],
            self.head["epochs"],
            needed(self.head["metrics"]),
            self._where,
        )

    def _where(self, row: int) -> str:
        key, seed = self._pairs[row]
        return f"{self.path}: candidate {key}, seed {seed}"

    def __len__(self) -> int:
        return len(self.index)

    def epochs(self, row: int) -> int:
        """Return how many epochs a row holds."""
        return int(self._curves["validation"]["epoch"].lengths[row])

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
        return {
            name: curves.at(row, epoch - 1)
            for name, curves in self._curves[part].items()
            if curves.lengths[row]
        }

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
        return self._gradients[row]

    def row(self, row: int) -> dict[str, Any]:
        """Return a row as `write_rows` was given it."""
        key, seed = self._pairs[row]
        failed = bool(self._texts["reason"][row])
        return {
            "candidate": self.candidates[key],
            "seed": seed,
            **{name: self._texts[name][row] for name in TEXTS},
            "gradients": {str(d): norm for d, norm in self._gradients[row].items()},
            "seconds": self.seconds(row),
            **{part: self.curves(part, row) for part in CURVES},
            "test": {} if failed else self.test(row),
        }

    def failure(self, row: int) -> tuple[str, str]:
        """Return why a training failed, and the detail; empty texts where it did not."""
        return self._texts["reason"][row], self._texts["detail"][row]
