"""A journal file whose last line a crash or a full disk cut short is made whole again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from optuna.storages.journal import JournalFileSymlinkLock

_CHUNK = 4096  # bytes
_LONGEST_LINE = 2**20  # bytes, of the first one
# Every line of Optuna's journal says what is done and by whom.
_KEYS = {"op_code", "worker_id"}


def mend(file: Path) -> None:
    """Move what follows the last line that was written to its end into a file beside.

    Optuna reads over such a rest, but writes its next line right behind it, and a journal with a
    line in its middle that is not JSON cannot be read any more.

    Raises:
        ValueError: the file is something else than a journal; it stays as it is.
        OSError: the file cannot be written.
    """
    if not _is_torn(file):
        return
    refuse_foreign(file)
    # The lock that Optuna's writers take: under it nobody is in the midst of a line.
    lock = JournalFileSymlinkLock(str(file))
    lock.acquire()
    try:
        if _is_torn(file):
            whole = _length_of_whole_lines(file)
            _keep_rest(file, whole)
            os.truncate(file, whole)
    finally:
        lock.release()


def refuse_foreign(file: Path) -> None:
    """Raise a ValueError unless the file is empty, missing, or begins as Optuna's journals do."""
    if not file.is_file():
        return
    with file.open("rb") as stream:
        first = stream.readline(_LONGEST_LINE)
    if not first:
        return
    try:
        entry = json.loads(first)
    except (ValueError, RecursionError):
        entry = None
    if not (isinstance(entry, dict) and entry.keys() >= _KEYS):
        raise ValueError(f"{file}: is no journal of Optuna's")


def _keep_rest(file: Path, start: int) -> None:
    with file.open("rb") as stream:
        stream.seek(start)
        rest = stream.read()
    beside = file.with_name(f"{file.name}.cut-{time.time_ns()}")
    with beside.open("xb") as stream:
        stream.write(rest)
        stream.flush()
        os.fsync(stream.fileno())


def _is_torn(file: Path) -> bool:
    if not file.is_file() or file.stat().st_size == 0:
        return False
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"


def _length_of_whole_lines(file: Path) -> int:
    with file.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _CHUNK)
            stream.seek(start)
            last = stream.read(end - start).rfind(b"\n")
            if last >= 0:
                return start + last + 1
            end = start
    return 0
