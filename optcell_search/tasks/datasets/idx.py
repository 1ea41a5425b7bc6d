"""The IDX format of the MNIST files: a header with type and sizes, then bytes, maybe gzipped."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, *, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Args:
        path: the file; gzipped if its name ends in ``.gz``.
        dimensions: how many the array must have.

    Returns:
        The array as it is stored, uint8.

    Raises:
        ValueError: the file is no such file, or it is truncated or longer than it says.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a complete gzip file: {error}") from None
    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)) or len(content) < start:
        raise ValueError(
            f"{path}: not an IDX file of unsigned bytes in {dimensions} dimensions "
            f"(it starts with {content[:4].hex(' ') or 'nothing'})"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path}: truncated or damaged: {len(content) - start} bytes of data, "
            f"its header announces {math.prod(shape)} ({' x '.join(map(str, shape))})"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
