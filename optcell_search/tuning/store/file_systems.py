"""A folder on a disk or behind a URI, for what workers write and the driver tidies up."""

from __future__ import annotations

import posixpath
import uuid
from typing import cast

from pyarrow import fs


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
        self._files, self._root = _open(self.where)
        self._is_local = isinstance(self._files, fs.LocalFileSystem)

    def __str__(self) -> str:
        return self.where

    def __truediv__(self, name: str) -> Location:
        base, question, options = self.where.partition("?")
        return Location(f"{base}/{name}{question}{options}")

    @property
    def is_local(self) -> bool:
        """Whether this is a path of the machine's file system, be it shared or not."""
        return self._is_local

    @property
    def path(self) -> str:
        """The path inside the file system."""
        return self._root

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        path = self._at(name)
        if not self._is_local:
            # An object appears when it is complete.
            with self._files.open_output_stream(path) as stream:
                stream.write(content)
            return
        folder, file = posixpath.split(path)
        self._files.create_dir(folder)
        temporary = posixpath.join(folder, f".{file}.{uuid.uuid4().hex[:8]}")
        try:
            with self._files.open_output_stream(temporary) as stream:
                stream.write(content)
            self._files.move(temporary, path)
        except OSError:
            self.delete(posixpath.relpath(temporary, self._root))
            raise

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

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file, by its name relative to here."""
        selector = fs.FileSelector(self._root, recursive=True, allow_not_found=True)
        found = self._files.get_file_info(selector)
        return {
            posixpath.relpath(info.path, self._root): int(info.size)
            for info in found
            if info.type == fs.FileType.File
        }

    def _at(self, name: str) -> str:
        return posixpath.join(self._root, name)


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
        raise ValueError(f"storage {where}: cannot be opened: {second or first}") from second
    return fs.PyFileSystem(fs.FSSpecHandler(files)), str(path).rstrip("/")
