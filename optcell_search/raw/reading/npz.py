"""Arrays from ``.npz`` and ``.npy`` files; nothing pickled is read."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What numpy, zipfile and its decompressors raise on a file that is cut or altered.
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_RAGGED = (
    "it holds Python objects, as sequences of unequal length would be; valid: numbers in one array "
    "(steps of all sequences, features), one sequence after the other, as numpy.concatenate makes "
    "it, and the steps of each sequence as array lengths"
)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a ``.npz`` file; nothing pickled is read.

    Raises:
        ValueError: it is none.
    """
    # Opened here: numpy leaves a file open that it cannot make sense of.
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
        except _DAMAGES as error:
            raise ValueError(f"{path}: not a readable .npz file: {_line(error)}") from None
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: a single array; valid: .npz with x and y (numpy.savez)")
        yield archive


def array(archive: np.lib.npyio.NpzFile, name: str, where: str) -> Array:
    """Return an array of a file.

    Raises:
        ValueError: it is damaged, or holds objects.
    """
    try:
        found: Array = archive[name]
    except _DAMAGES as error:
        reason = _RAGGED if "Object arrays" in str(error) else _line(error)
        raise ValueError(f"{where}: array {name!r} cannot be read: {reason}") from None
    return found


def single(path: Path) -> Array:
    """Return the array of a ``.npy`` file.

    Raises:
        ValueError: it is damaged, or holds objects.
    """
    try:
        found: Array = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except _DAMAGES as error:
        reason = _RAGGED if "Object arrays" in str(error) else _line(error)
        raise ValueError(f"{path}: not a readable .npy file: {reason}") from None
    return found


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
