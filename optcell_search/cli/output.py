"""The standard output is for results alone, and a file of the user's is never lost by it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..ledger.storage.names import is_stream


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


def refuse_existing(option: str, path: str, *, force: bool) -> None:
    """Raise a ValueError where an output file is there already, unless it may be replaced."""
    if not path:
        raise ValueError(f"{option}: the name of the file is empty")
    # By way of Path, which takes a slash at the end away.
    if not force and os.path.lexists(Path(path)) and not is_stream(Path(path)):
        raise ValueError(f"{option} {path}: exists already; name another file, or add --force")


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file, whole or not at all.

    Args:
        path: of the file.
        write: writes it to the path it is given.

    Raises:
        OSError: it cannot be written; nothing is left.
    """
    if is_stream(path):
        write(path)
        return
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        write(draft)
        os.replace(draft, path.resolve())
    finally:
        draft.unlink(missing_ok=True)


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
