"""A user's own table, one row a step, from a ``.csv`` or ``.parquet`` file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.own.arrays import (
    Array,
    Encoding,
    Labelled,
    OwnData,
    divide,
    find,
    search_data,
)
from optcell_search.tasks.splitting import TEST_SHARE, VALIDATION_SHARE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Table(OwnData):
    """A table with a row for each step and a column that says which sequence the row belongs to.

    Every column that is neither `sequence`, `time` nor `target` is a feature and must be numeric;
    it is used as it is: scale it to about [-1, 1]. A target that is the same in all rows of each
    sequence is one target per sequence; otherwise there is one per step. Integers and texts are
    classes, other numbers are predicted. Sequences may have different lengths; where they have
    one length and numbers are predicted, the features are also what objectives judge by, by the
    names of their columns.

    Split by sequence: 20 % test, 16 % validation, classes in proportion.

    Args:
        sequence: column whose value tells the sequences apart.
        time: column to sort the rows of a sequence by; empty: they are in order already.
        target: column to be predicted.
    """

    name: ClassVar[str] = "table"
    title: ClassVar[str] = "your own table: PATH.csv or PATH.parquet:sequence=COLUMN,target=COLUMN"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".parquet")

    sequence: str = ""
    time: str = ""
    target: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sequence or not self.target:
            raise ValueError(
                f"{self.path}: a table needs the columns of sequence and target: "
                f"{self.path}:sequence=COLUMN,target=COLUMN"
            )

    def search_data(self, folder: Path) -> Data:
        """Read the table and take its training and validation sequences."""
        encoding, train, validation, _ = self._parts(folder)
        return search_data(encoding, train, validation)

    def test_data(self, folder: Path) -> Split:
        """Read the table and take its test sequences."""
        encoding, _, _, test = self._parts(folder)
        return encoding.split(test)

    def _parts(self, folder: Path) -> tuple[Encoding, Labelled, Labelled, Labelled]:
        whole = self._sequences(self._read(find(self.path, folder)))
        encoding = Encoding.of(whole, kind=self.kind)
        train, validation, test = divide(whole, (VALIDATION_SHARE, TEST_SHARE), kind=self.kind)
        return encoding, train, validation, test

    def _read(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        try:
            frame = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
        except ImportError:
            raise ValueError(
                f"{path}: reading parquet needs pyarrow: pip install 'optcell-search[parquet]'"
            ) from None
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: not a readable {path.suffix} file: {reason}") from None
        for option in ("sequence", "time", "target"):
            column = getattr(self, option)
            if column and column not in frame.columns:
                raise ValueError(
                    f"{path}: there is no column {column!r} for {option}; "
                    f"valid: {', '.join(map(str, frame.columns))}"
                )
        for column in frame.columns:
            if missing := int(frame[column].isna().sum()):
                raise ValueError(
                    f"{path}: {missing} missing values (empty or NaN) in column {column!r}; "
                    "fill them or drop the rows"
                )
        return frame

    def _sequences(self, frame: pd.DataFrame) -> Labelled:
        special = [column for column in (self.sequence, self.time, self.target) if column]
        if len(set(special)) < len(special):
            raise ValueError(f"{self.path}: sequence, time and target must be different columns")
        if self.time:
            twice = frame.duplicated([self.sequence, self.time])
            if twice.any():
                row = frame[twice].iloc[0]
                raise ValueError(
                    f"{self.path}: sequence {row[self.sequence]!r} has two rows "
                    f"with {self.time} = {row[self.time]!r}"
                )
            frame = frame.sort_values(self.time, kind="stable")
        frame = frame.sort_values(self.sequence, kind="stable")
        features = [column for column in frame.columns if column not in special]
        for column in features:
            if frame[column].dtype.kind not in "buif":
                raise ValueError(
                    f"{self.path}: feature column {column!r} holds {frame[column].dtype}, "
                    "not numbers; encode it or leave it out"
                )
        if not features or frame.empty:
            raise ValueError(f"{self.path}: there is no feature column, or no row")
        targets = self._targets(frame)
        lengths = frame.groupby(self.sequence, sort=True).size().to_numpy().astype(np.int64)
        rows = frame[features].to_numpy(dtype=np.float64)
        bounds = np.cumsum(lengths)[:-1]
        by_sequence = np.split(targets, bounds)
        per_step = any((part != part[0]).any() for part in by_sequence)
        x, y = _pad(np.split(rows, bounds)), _pad(by_sequence)
        same = bool((lengths == lengths[0]).all())
        columns = tuple(map(str, features))
        return Labelled(
            self.path, x, y if per_step else y[:, 0], None if same else lengths, columns
        )

    def _targets(self, frame: pd.DataFrame) -> Array:
        column = frame[self.target]
        if column.dtype.kind in "buif":
            return column.to_numpy()
        return column.astype(str).to_numpy().astype(np.str_)


def _pad(parts: list[Array]) -> Array:
    """Stack sequences (steps, ...) into (sequences, longest, ...), with zeros behind the short."""
    longest = max(map(len, parts))
    stacked = np.zeros((len(parts), longest, *parts[0].shape[1:]), dtype=parts[0].dtype)
    for row, part in zip(stacked, parts, strict=True):
        row[: len(part)] = part
    return stacked
