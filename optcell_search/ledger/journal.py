"""A journal file whose last line a crash or a full disk cut short is made whole again."""

from __future__ import annotations

import os
from pathlib import Path

from optuna.storages.journal import JournalFileSymlinkLock

_CHUNK = 4096  # bytes


def mend(file: Path) -> None:
    """Drop what follows the last line that was written to its end.

    Optuna reads over such a rest, but writes its next line right behind it, and a journal with a
    line in its middle that is not JSON cannot be read any more.

    Raises:
        OSError: the file cannot be written.
    """
    if not _is_torn(file):
        return
    # The lock that Optuna's writers take: under it nobody is in the midst of a line.
    lock = JournalFileSymlinkLock(str(file))
    lock.acquire()
    try:
        if _is_torn(file):
            os.truncate(file, _length_of_whole_lines(file))
    finally:
        lock.release()


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
