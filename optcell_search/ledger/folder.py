"""The run folder: made whole or not at all, and used by one process at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import optuna

from optcell_search.space.files import parse

from . import trust as trusting
from .format import REPORT, REQUEST_FILE, TASK_FILE
from .ledger import Ledger
from .lock import LOCK
from .opening import make_ledger
from .request import Request
from .storage.disk import sync, sync_all
from .storage.names import refuse_link
from .storage.passwords import without_password
from .storage.storage import (
    STORAGE_ERRORS,
    LedgerStorage,
    check_reachable,
    file_of,
    is_missing,
)

# Who looks whether somebody works on a run holds its lock meanwhile (see `lock.is_locked`).
_MOMENT = 0.5  # seconds
_OWN = ("ray", "checkpoints", "data", "exports", REPORT, REQUEST_FILE, TASK_FILE)


def check_target(folder: Path) -> None:
    """Make sure that a new run can be put at `folder`.

    Raises:
        FileExistsError: something is there.
    """
    if (folder / REQUEST_FILE).is_file():
        raise FileExistsError(f"{folder}: holds a run already; {_way_on(folder)}another folder")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(_taken(folder))


def check_study(url: str) -> None:
    """Make sure that a new run may put its ledger at `url`.

    Raises:
        FileExistsError: it is the ledger in the folder of another run.
        ValueError: it cannot be kept there.
    """
    file = file_of(url)
    if file is not None and (file.parent / REQUEST_FILE).is_file():
        raise FileExistsError(
            f"study {without_password(url)}: is the ledger of the run in {file.parent}; "
            f"{_way_on(file.parent)}another study"
        )
    # Nothing is made yet, so that a request which comes to nothing leaves nothing.
    check_reachable(url)


def _way_on(folder: Path) -> str:
    """Return the words for going on with the run in a folder, which a simulated one cannot."""
    file = folder / REQUEST_FILE
    if parse(file.read_bytes(), str(file)).get("table"):
        return "choose "
    return f"go on with it by `optcell-search resume {folder}` or choose "


def make(
    folder: Path,
    request: Request,
    described: str = "",
    fill: Callable[[Ledger], object] = lambda made: None,
) -> None:
    """Make a run folder that holds ``run.toml`` and the ledger, where that does not lie elsewhere.

    Where the task is described (see `tuning.task_file`), that is in it, too. `fill` is given the
    new ledger, to write into it what the folder is to appear with.

    A folder that is not there yet appears whole. One that is there and empty, which may be a mount
    or the current folder, is filled, ``run.toml`` last. What fails or is interrupted leaves
    nothing, in a database outside neither.

    Raises:
        OSError: the folder cannot be made.
        ValueError: the ledger cannot be made.
    """
    with contextlib.ExitStack() as unless_made:
        folder.parent.mkdir(parents=True, exist_ok=True)
        there = folder.is_dir()
        beside = folder if there else folder.parent
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=beside))
        unless_made.callback(shutil.rmtree, temporary, ignore_errors=True)
        temporary.chmod(0o700 if request.has_password else 0o755)
        if there and [*folder.iterdir()] != [temporary]:
            raise FileExistsError(_taken(folder))
        request.write(temporary)
        if described:
            (temporary / TASK_FILE).write_text(described, encoding="utf-8")
        unless_made.callback(_forget, request, new=is_missing(request.study))
        with contextlib.closing(make_ledger(request, temporary)) as ledger:
            fill(ledger)
        sync_all(temporary)
        if there:
            for made in sorted(temporary.iterdir(), key=lambda path: path.name == REQUEST_FILE):
                unless_made.callback((folder / made.name).unlink, missing_ok=True)
                os.rename(made, folder / made.name)
            temporary.rmdir()
            sync(folder)
        else:
            _appear(temporary, folder)
            sync(folder.parent)
        unless_made.pop_all()
    # Who makes a run has named what it names.
    trusting.remember(trusting.outside(request))


def _appear(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)
    except OSError as error:
        if folder.exists():
            # Another run was quicker.
            raise FileExistsError(_taken(folder)) from error
        raise


def _forget(request: Request, *, new: bool) -> None:
    """Take the study of a run that did not come into being out of a database outside its folder.

    Args:
        request: of the run.
        new: the database is a file that was not there before.
    """
    if request.study and not is_missing(request.study):
        with contextlib.suppress(ValueError, KeyError, *STORAGE_ERRORS):
            storage = LedgerStorage(request.study)
            with contextlib.suppress(KeyError):
                optuna.delete_study(study_name=request.run_id, storage=storage.optuna)
            others = storage.optuna.get_all_studies()
            storage.close()
            if new and not others and storage.file is not None:
                storage.file.unlink()


def _taken(folder: Path) -> str:
    return f"{folder}: exists and is no empty folder; choose another one"


@contextlib.contextmanager
def locked(folder: Path, lock: Path = LOCK) -> Iterator[None]:
    """Hold the folder against a second process; the lock ends with this one, however it ends.

    Args:
        folder: of the run.
        lock: by default the one that whoever works on the run holds.

    Raises:
        ValueError: another process holds it.
    """
    path = folder / lock
    # What a run writes, cuts or deletes is its own: none of it may be a link to something else.
    for name in _OWN:
        refuse_link(folder / name)
    refuse_link(path)
    # Tune's own state holds what workers are told, where checkpoints go with a password included.
    path.parent.mkdir(mode=0o700, exist_ok=True)
    held = filelock.FileLock(path, timeout=_MOMENT)
    try:
        held.acquire()
    except filelock.Timeout as error:
        raise ValueError(f"{folder}: another process is working on this run") from error
    try:
        yield
    finally:
        held.release()
