"""Files below a folder of this machine, be its disk shared with others or not."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import uuid
from pathlib import Path

from ...ledger.storage.disk import sync


class LocalFiles:
    """A folder of the machine's file system; nothing in it is reached through a link.

    Args:
        root: absolute path.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, and so that it survives a power cut."""
        path = self._inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none.

        Raises:
            OSError: it cannot be read, or is something else than a file.
        """
        path = self._inside(name)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                # A pipe would be waited for, and a device read without end.
                raise OSError(f"{path}: is no file")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it, if it is there."""
        path = self._inside(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def delete_empty(self, name: str) -> None:
        """Delete a folder if there is nothing in it."""
        with contextlib.suppress(OSError):
            self._inside(name).rmdir()

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file, by its name relative to here; links are no files."""
        found: dict[str, int] = {}
        for folder, _, files in os.walk(self.root):
            for file in files:
                path = Path(folder, file)
                # A worker may have just deleted it.
                with contextlib.suppress(FileNotFoundError):
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode):
                        found[path.relative_to(self.root).as_posix()] = status.st_size
        return found

    def _inside(self, name: str) -> Path:
        path = self.root
        for part in name.split("/") if name else ():
            path = path / part
            if path.is_symlink():
                raise OSError(f"{path}: is a link; what a run writes and deletes is its own")
        return path
