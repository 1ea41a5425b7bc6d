"""Files that appear whole or not at all, and never behind a link that somebody laid."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from .names import is_stream


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file; one that exists is replaced, a link by the file. Return the path.

    What is half written lies under a name nobody can foresee, made anew and no link, and goes away
    when it cannot be finished, as on a full disk. A pipe or a device is written to.

    Args:
        path: of the file, in a folder that is there.
        write: writes it to the path it is given.

    Raises:
        OSError: it cannot be written; nothing is left.
    """
    if is_stream(path):
        write(path)
        return path
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
    try:
        write(draft)
        return draft.replace(path)
    except BaseException:
        draft.unlink()
        raise


def write_text_whole(path: Path, text: str) -> Path:
    """Write a text file as `write_whole` does. Return the path.

    Raises:
        OSError: it cannot be written; nothing is left.
    """
    return write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"))
