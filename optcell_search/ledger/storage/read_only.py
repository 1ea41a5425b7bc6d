"""A SQLite file, opened so that nothing is made or changed by reading it; without Optuna."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import urllib.parse
from pathlib import Path

# So long another process may write before this one gives up.
WAIT = 60.0  # seconds


def connect_for_reading(file: Path) -> sqlite3.Connection:
    """Connect without a lock or a side file being made, in a folder that cannot be written, too."""
    # Asked anew for every connection.
    log, index = Path(f"{file}-wal"), Path(f"{file}-shm")
    if log.exists() and not index.exists():
        return _in_memory(file, log)
    # Beside a database that somebody writes to lies its log. Without one nobody does, and what
    # SQLite is told to be immutable it reads as it is.
    mode = "mode=ro" if log.exists() else "immutable=1"
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?{mode}"
    return sqlite3.connect(address, uri=True, timeout=WAIT, check_same_thread=False)


def _in_memory(file: Path, log: Path) -> sqlite3.Connection:
    """Connect to what a database and its log hold, as of a run that was killed and copied.

    SQLite would make the log's index beside them, or say where it cannot that it cannot open them.
    """
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with contextlib.ExitStack() as unless_read, tempfile.TemporaryDirectory() as folder:
        unless_read.callback(memory.close)
        for each in (file, log):
            shutil.copyfile(each, Path(folder) / each.name)
        with contextlib.closing(sqlite3.connect(Path(folder) / file.name)) as copied:
            copied.backup(memory)
        unless_read.pop_all()
    return memory
