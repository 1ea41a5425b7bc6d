"""Which process works on a run, and how to interrupt it as Ctrl-C in its terminal does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ...ledger.lock import LOCK
from ...ledger.storage.names import refuse_link

_LOCKS = Path("/proc/locks")


def driver_of(run: Path) -> int | None:
    """Return the process that holds the lock of a run folder; None where none does.

    None as well where it cannot be told: on systems without ``/proc/locks``, for a process of
    another user, or of another machine that shares the folder.

    Raises:
        ValueError: the lock is a link to that of another run, or its folder is one.
    """
    lock = run / LOCK
    for path in (lock.parent, lock):
        refuse_link(path)
    if not lock.is_file() or not _LOCKS.is_file():
        return None
    wanted = lock.stat()
    if wanted.st_nlink > 1:
        # A second name of a file: the lock of another run, say, in a folder that somebody made up.
        return None
    for line in _LOCKS.read_text(encoding="ascii").splitlines():
        fields = line.split()
        # 1: FLOCK ADVISORY WRITE 4711 fd:01:123456 0 EOF; a line with -> waits for the one above.
        if fields[1] != "FLOCK" or not fields[5].endswith(f":{wanted.st_ino}"):
            continue
        if _holds(int(fields[4]), wanted):
            return int(fields[4])
    return None


def _holds(process: int, wanted: os.stat_result) -> bool:
    """Whether a process has the file open: an inode's number alone may be another disk's."""
    try:
        opened = list(Path(f"/proc/{process}/fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return False
    return any(_same(path, wanted) for path in opened)


def _same(path: Path, wanted: os.stat_result) -> bool:
    try:
        found = path.stat()
    except OSError:  # closed meanwhile
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def own(run: Path) -> Path:
    """Return a run folder; raise a ValueError where it is another user's, who may steer it."""
    if hasattr(os, "getuid") and run.stat().st_uid != os.getuid():
        raise ValueError(f"{run} is another user's; it can be looked at only.")
    return run


def interrupt(run: Path | None) -> str:
    """Interrupt the process that works on a run; return what was done, as a command.

    What has been trained so far stays, and `optcell-search resume` goes on from there.

    Raises:
        ValueError: there is no such process here.
    """
    process = None if run is None else driver_of(own(run))
    if process is None:
        raise ValueError(
            "No process of yours on this machine works on this run. A search that runs elsewhere "
            "is stopped by Ctrl-C in its terminal."
        )
    os.kill(process, signal.SIGINT)
    return f"kill -INT {process}"
