"""A user's own arrays from an ``.npz`` file."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

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

_PARTS = ("", "_validation", "_test")
# What numpy, zipfile and its decompressors raise on a file that is cut or altered.
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_NAMES = tuple(name + part for part in _PARTS for name in ("x", "y", "lengths"))


@dataclass(frozen=True, kw_only=True)
class NpzFile(OwnData):
    """Arrays of a ``.npz`` file as `numpy.savez` writes it; nothing pickled is read.

    - ``x`` (sequences, time, features), numbers, used as they are: scale them to about [-1, 1];
      or movies (movies, frames, channels, height, width), for convolutional cells too.
    - ``y`` (sequences,) for one target per sequence, (sequences, time) or (sequences, time,
      values) for one per step. Integers and texts are classes, other numbers are predicted.
    - ``lengths`` (sequences,), optional: steps of each sequence; what is behind them is ignored.
    - ``x_validation``, ``y_validation``, ``x_test``, ``y_test`` (and lengths): splits of the
      user's own. One that is missing is split off ``x``: 16 % and 20 %, by sequence, classes in
      proportion.
    """

    name: ClassVar[str] = "npz"
    title: ClassVar[str] = "your own arrays x and y: PATH.npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def search_data(self, folder: Path) -> Data:
        """Read the arrays and split off what the file does not split itself."""
        encoding, train, validation, _ = self._parts(folder)
        return search_data(encoding, train, validation)

    def test_data(self, folder: Path) -> Split:
        """Read ``x_test`` and ``y_test``, or take the part that was split off for the test."""
        encoding, _, _, test = self._parts(folder)
        if test is None:
            with self._open(folder) as archive:
                test = self._labelled(archive, "_test")
        return encoding.split(test)

    def _parts(self, folder: Path) -> tuple[Encoding, Labelled, Labelled, Labelled | None]:
        with self._open(folder) as archive:
            self._check_names(archive.files)
            whole = self._labelled(archive, "")
            test_given = "x_test" in archive.files
            given = "x_validation" in archive.files
            validation = self._labelled(archive, "_validation") if given else None
        encoding = Encoding.of(whole, *([validation] if validation else []), kind=self.kind)
        shares = (() if validation else (VALIDATION_SHARE,)) + (() if test_given else (TEST_SHARE,))
        train, *rest = divide(whole, shares, kind=self.kind)
        if validation is None:
            validation = rest.pop(0)
        return encoding, train, validation, None if test_given else rest.pop(0)

    @contextlib.contextmanager
    def _open(self, folder: Path) -> Iterator[np.lib.npyio.NpzFile]:
        path = find(self.path, folder)
        # Opened here: numpy leaves a file open that it cannot make sense of.
        with open(path, "rb") as file:
            try:
                archive = np.load(file, allow_pickle=False)
            except _DAMAGES as error:
                raise ValueError(f"{path}: not a readable .npz file: {error}") from None
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError(f"{path}: a single array; valid: .npz with x and y (numpy.savez)")
            yield archive

    def _check_names(self, names: list[str]) -> None:
        for part in _PARTS:
            for name, other in ((f"x{part}", f"y{part}"), (f"y{part}", f"x{part}")):
                if other not in names and (name in names or part == ""):
                    raise ValueError(
                        f"{self.path}: array {other!r} is missing; there are {', '.join(names)}"
                    )
        # x_val instead of x_validation must not lead to a silent split of x.
        for name in names:
            if name.startswith(("x_", "y_", "lengths_")) and name not in _NAMES:
                raise ValueError(
                    f"{self.path}: array {name!r} is unknown; valid: {', '.join(_NAMES)}"
                )

    def _labelled(self, archive: np.lib.npyio.NpzFile, part: str) -> Labelled:
        where, lengths = f"{self.path} (x{part}, y{part})", f"lengths{part}"
        x, frame = self._array(archive, f"x{part}"), None
        if x.ndim == 5:
            if 0 in x.shape or lengths in archive.files:
                what = f"and {lengths}" if 0 not in x.shape else "is empty or has no frames"
                raise ValueError(
                    f"{where}: x of shape {x.shape} {what}; valid: (movies, frames, channels, "
                    f"height, width), all movies equally long"
                )
            frame = x.shape[2:]
            x = x.reshape(*x.shape[:2], -1)
        return Labelled(
            where,
            x,
            self._array(archive, f"y{part}"),
            self._array(archive, lengths) if lengths in archive.files else None,
            frame=frame,
        )

    def _array(self, archive: np.lib.npyio.NpzFile, name: str) -> Array:
        try:
            array: Array = archive[name]
        except _DAMAGES as error:
            raise ValueError(f"{self.path}: array {name!r} cannot be read: {error}") from None
        return array
