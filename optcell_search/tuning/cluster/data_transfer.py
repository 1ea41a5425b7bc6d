"""A task's files for workers that do not see them: written where the checkpoints go, read once.

A worker looks where the data lies on the machine the search was started on. Only where that is not
the same data, or nothing, does it take the files from the transfer, and lays them into a folder of
its machine that all its workers share. Ray's own runtime environment would send them to every node,
hold them in the memory of the head, and leave out what a .gitignore names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import filelock

from optcell_search import tasks
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.carrying import carried

from ...ledger.format import REQUEST_FILE
from ...ledger.request import Request
from ...ledger.storage.names import inner_name
from ..store.file_systems import Location

FOLDER = "data"
LIMIT = 2**30  # bytes
# Written last: what has no list is not complete.
_LIST = "contents.json"
_IDENTITY = re.compile("[0-9a-f]{32}")


class DataChangedError(ValueError):
    """There is data, but not that of the run."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a task's data comes from, as plain data.

    Attributes:
        task: canonical specification.
        data_dir: folder of its data on the machine the search was started on.
        fingerprint: of the data; empty: whatever there is will do.
        transfer: where the transfer is, if there is one: a path or a URI; empty for none.
    """

    task: str
    data_dir: str
    fingerprint: str = ""
    transfer: str = ""

    @classmethod
    def of(cls, request: Request, folder: Path) -> Source:
        """Return that of a run in `folder`."""
        where = location_of(request, folder).where
        return cls(
            task=request.task,
            data_dir=request.data_dir,
            fingerprint=request.data_fingerprint,
            transfer=where,
        )

    def load(self, *, whole: bool = False) -> LoadedTask:
        """Load the task from where its data lies, or else from the transfer.

        Args:
            whole: see `tasks.load`.

        Raises:
            FileNotFoundError, ValueError, OSError: as `tasks.load` says of where the data lies.
            DataChangedError: it is there, but is not that of the run.
        """
        try:
            return self._checked(tasks.load(self.task, self.data_dir, whole=whole))
        except (OSError, ValueError):
            there = fetch(Location(self.transfer)) if self.transfer else None
            if there is None:
                raise
            return self._checked(tasks.load(*there, whole=whole))

    def _checked(self, task: LoadedTask) -> LoadedTask:
        if self.fingerprint and task.fingerprint != self.fingerprint:
            raise DataChangedError(f"the data of task {self.task!r} is not that of the run")
        return task


def location_of(request: Request, folder: Path) -> Location:
    """Return where a run's transfer is: beside its checkpoints.

    As long as there is no run folder, which must come into being whole, it is beside that.
    """
    if request.storage:
        return Location(request.storage) / request.run_id / FOLDER
    if (folder / REQUEST_FILE).is_file():
        return Location(str(folder.absolute() / FOLDER))
    return Location(str(_waiting(request, folder)))


def move_in(request: Request, folder: Path) -> None:
    """Move a transfer that was sent before there was a run folder into it."""
    waiting = _waiting(request, folder)
    if waiting.exists():
        os.replace(waiting, folder / FOLDER)


def _waiting(request: Request, folder: Path) -> Path:
    return folder.absolute().with_name(f".{folder.name}.{request.run_id}.{FOLDER}")


def send(task: LoadedTask, location: Location) -> None:
    """Write the files that a task reads.

    Raises:
        ValueError: they are too large for that, or there are none.
        OSError: they cannot be written.
    """
    spec, files = carried(task.task, task.folder)
    size = sum(path.stat().st_size for path in files.values())
    if not files:
        raise ValueError("it is not in files that could be sent there")
    if size > LIMIT:
        raise ValueError(
            f"its files have {size / 2**30:.3g} GiB, and no more than {LIMIT / 2**30:g} GiB are "
            "sent; put them where all nodes see them, under one path"
        )
    for name, path in files.items():
        location.write(f"files/{name}", path.read_bytes())
    contents = {"id": uuid.uuid4().hex, "task": spec, "files": sorted(files)}
    location.write(_LIST, json.dumps(contents).encode())


def fetch(location: Location) -> tuple[str, Path] | None:
    """Lay a transfer's files into a folder of this machine, unless they are there.

    Returns:
        What `tasks.load` takes; None: there is no transfer.

    Raises:
        OSError: it cannot be read, or there is no room for it.
    """
    content = location.read(_LIST)
    if content is None:
        return None
    identity, task, names = _read_list(content, str(location))
    folder = _shared_folder() / identity
    with filelock.FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            _lay(location, names, folder)
    return task, folder


def _read_list(content: bytes, where: str) -> tuple[str, str, list[str]]:
    """Return identity, task and files of a transfer, none of which may lead out of its folder."""
    try:
        contents = json.loads(content)
        identity, task, names = contents["id"], contents["task"], contents["files"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{where}: {_LIST} is damaged") from error
    if not (isinstance(task, str) and isinstance(names, list)):
        raise ValueError(f"{where}: {_LIST} is damaged")
    if not (isinstance(identity, str) and _IDENTITY.fullmatch(identity)):
        raise ValueError(f"{where}: {_LIST} has an id that is none: {str(identity)[:60]!r}")
    return identity, task, [inner_name(name, f"{where}: {_LIST}") for name in names]


def _lay(location: Location, names: list[str], folder: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for name in names:
            target = temporary / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = location.read(f"files/{name}")
            if content is None:
                raise FileNotFoundError(f"{location}: {name} is missing")
            target.write_bytes(content)
        os.replace(temporary, folder)
    except OSError:
        shutil.rmtree(temporary)
        raise


def _shared_folder() -> Path:
    """A folder that is this user's own: nobody else may put data there."""
    folder = Path(tempfile.gettempdir()) / f"optcell-search-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder}: belongs to somebody else")
    return folder
