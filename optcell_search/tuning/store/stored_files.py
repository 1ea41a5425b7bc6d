"""Files below a URI, through pyarrow or an installed fsspec package."""

from __future__ import annotations

import posixpath
from typing import cast

from pyarrow import fs

from ...ledger.storage.passwords import without_password


class StoredFiles:
    """A folder of an object store or of another file system than the machine's own.

    Args:
        where: a URI that pyarrow (``s3://``, ``gs://``, ``hdfs://`` …) or an installed fsspec
            package can open.

    Raises:
        ValueError: nothing here can open it.
    """

    def __init__(self, where: str) -> None:
        self._files, self.root = _open(where)

    def write(self, name: str, content: bytes) -> None:
        """Write a file; it appears when it is complete."""
        path = self._at(name)
        try:
            self._put(path, content)
        except FileNotFoundError:
            # An object store needs no folders, and others do.
            self._files.create_dir(posixpath.dirname(path))
            self._put(path, content)

    def _put(self, path: str, content: bytes) -> None:
        with self._files.open_output_stream(path) as stream:
            stream.write(content)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        try:
            with self._files.open_input_stream(self._at(name)) as stream:
                return cast(bytes, stream.read())
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it, if it is there."""
        path = self._at(name)
        kind = self._files.get_file_info(path).type
        if kind == fs.FileType.Directory:
            self._files.delete_dir(path)
        elif kind == fs.FileType.File:
            self._files.delete_file(path)

    def delete_empty(self, name: str) -> None:
        """Do nothing: a store has no empty folders."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file, by its name relative to here."""
        selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
        return {
            posixpath.relpath(info.path, self.root): int(info.size)
            for info in self._files.get_file_info(selector)
            if info.type == fs.FileType.File
        }

    def _at(self, name: str) -> str:
        return posixpath.join(self.root, name)


def _open(where: str) -> tuple[fs.FileSystem, str]:
    try:
        files, path = fs.FileSystem.from_uri(where)
    except (ValueError, OSError) as error:
        # pyarrow says so of every scheme that is not its own.
        return _by_fsspec(where, error)
    return files, path.rstrip("/")


def _by_fsspec(where: str, error: Exception) -> tuple[fs.FileSystem, str]:
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(where)
    except (ValueError, ImportError, OSError) as second:
        first = str(error).splitlines()[0]
        said = f"storage {where}: cannot be opened: {second or first}"
        # What a package says of a URI it repeats it in.
        raise ValueError(without_password(said)) from second
    return fs.PyFileSystem(fs.FSSpecHandler(files)), str(path).rstrip("/")
