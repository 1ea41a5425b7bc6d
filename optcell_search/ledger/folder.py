"""The run folder: made whole or not at all, and used by one process at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock

from .format import REQUEST_FILE
from .opening import make_ledger
from .request import Request
from .storage import LedgerStorage

_LOCK = Path("ray") / "driver.lock"


def check_target(folder: Path) -> None:
    """Make sure that a new run can be put at `folder`.

    Raises:
        FileExistsError: something is there.
    """
    if (folder / REQUEST_FILE).is_file():
        raise FileExistsError(
            f"{folder}: holds a run already; go on with it by `optcell-search resume {folder}` "
            "or choose another folder"
        )
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder}: exists and is no empty folder; choose another one")


def check_study(url: str) -> None:
    """Make sure that a new run may put its ledger at `url`.

    Raises:
        FileExistsError: it is the ledger in the folder of another run.
        ValueError: it cannot be opened.
    """
    storage = LedgerStorage(url)
    storage.close()
    if storage.file is not None and (storage.file.parent / REQUEST_FILE).is_file():
        raise FileExistsError(
            f"study {url}: is the ledger of the run in {storage.file.parent}; go on with it by "
            f"`optcell-search resume {storage.file.parent}` or choose another study"
        )


def make(folder: Path, request: Request) -> None:
    """Make a run folder that holds ``run.toml`` and the ledger, where that does not lie elsewhere.

    Raises:
        OSError: the folder cannot be made.
        ValueError: the ledger cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        request.write(temporary)
        make_ledger(request, temporary).close()
        os.replace(temporary, folder)
    except (OSError, ValueError):
        shutil.rmtree(temporary)
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder against a second process; the lock ends with this one, however it ends.

    Raises:
        ValueError: another process holds it.
    """
    path = folder / _LOCK
    path.parent.mkdir(exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise ValueError(f"{folder}: another process is working on this run") from error
    try:
        yield
    finally:
        lock.release()
