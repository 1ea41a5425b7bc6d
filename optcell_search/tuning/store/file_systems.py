"""A folder on a disk or behind a URI, for what workers write and the driver tidies up."""

from __future__ import annotations

from pathlib import Path

from ...ledger.storage.passwords import without_password
from .local_files import LocalFiles

_FILE = "file://"


class Location:
    """A folder that every worker reaches under the same name.

    Args:
        where: an absolute path, or a URI that pyarrow (``s3://``, ``gs://``, ``hdfs://`` …) or an
            installed fsspec package can open.

    Raises:
        ValueError: nothing here can open such a URI.
    """

    def __init__(self, where: str) -> None:
        self.where = where.rstrip("/")
        self.is_local = "://" not in self.where or self.where.startswith(_FILE)
        if self.is_local:
            self._files = LocalFiles(Path(self.where.removeprefix(_FILE)))
        else:
            # Only here, for it takes a second to import.
            from .stored_files import StoredFiles

            self._files = StoredFiles(self.where)  # type: ignore[assignment]

    def __str__(self) -> str:
        """Return it as it may be shown; `where` may hold a password."""
        return without_password(self.where)

    def __truediv__(self, name: str) -> Location:
        if "://" not in self.where:
            # In a path no sign is special.
            return Location(f"{self.where}/{name}")
        base, question, options = self.where.partition("?")
        return Location(f"{base}/{name}{question}{options}")

    @property
    def path(self) -> str:
        """The path inside the file system."""
        return str(self._files.root)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        self._files.write(name, content)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        return self._files.read(name)

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it, if it is there."""
        self._files.delete(name)

    def delete_empty(self, name: str) -> None:
        """Delete a folder if there is nothing in it."""
        self._files.delete_empty(name)

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file, by its name relative to here."""
        return self._files.sizes()
