"""The standard output is for results alone, and a file of the user's is never lost by it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from ..ledger.storage.names import is_stream

_NO_CSV = {".tsv", ".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".json"}
_NO_CSV |= {".zip", ".bz2", ".xz", ".zst", ".tar", ".tgz"}


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Send what anybody writes to the standard output meanwhile to the standard error.

    Ray's own processes, which inherit it, write there what they think of a full memory, and JSON
    with a line of that in it is none.
    """
    sys.stdout.flush()
    output, errors = 1, 2
    kept = os.dup(output)
    os.dup2(errors, output)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, output)
        os.close(kept)


def csv_compression(option: str, name: str) -> Literal["gzip"] | None:
    """Return how a CSV file of this name is compressed: by gzip if it ends in .gz, or not.

    It is what `raw.writing.compression` says, of a room that stands alone and waits for torch.

    Raises:
        ValueError: whoever reads a file of this name expects no CSV.
    """
    inner = Path(name.lower().removesuffix(".gz"))
    if inner.suffix in _NO_CSV:
        raise ValueError(
            f"{option} {name}: a CSV file is written; valid: a name in .csv or .csv.gz"
        )
    return "gzip" if name.lower().endswith(".gz") else None


def output_file(option: str, name: str, *, force: bool) -> Path:
    """Return the file that an option asks for, in a folder that is there.

    Args:
        option: such as ``--csv``, for messages.
        name: as the user gives it. A link stays one, what it leads to is the file.
        force: whether a file that exists may be replaced; a pipe or a device loses nothing.

    Raises:
        ValueError: the file must not or cannot be written there.
    """
    if not name:
        raise ValueError(f"{option}: the name of the file is empty")
    # By way of Path, which takes a slash at the end away.
    path = Path(name)
    if is_stream(path):
        return path
    if not force and os.path.lexists(path):
        raise ValueError(f"{option} {name}: exists already; name another file, or add --force")
    if path.is_dir():
        raise ValueError(f"{option} {name}: is a folder; valid: the name of a file")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise ValueError(f"{option} {name}: there is no folder {target.parent}")
    return target


def print_json(value: Mapping[str, Any] | list[dict[str, Any]]) -> int:
    """Print a value as JSON, which has no NaN and no infinity: those as texts.

    Returns:
        The exit code of success.
    """
    print(json.dumps(_written(value), indent=2, default=str, allow_nan=False))
    return 0


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _written(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
