"""Names and paths that come from outside: from a run folder, a study, a transfer, a package.

What a stranger's folder says is data. Nothing in it may name a file elsewhere.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

_LONGEST = 1024  # characters; a part of it no more than a file system takes
_LONGEST_PART = 255


def inner_name(name: object, where: str) -> str:
    """Return `name` if it is that of a file inside a folder: relative, downwards, printable.

    Args:
        name: such as ``"files/train.npz"``, with ``/`` between folders.
        where: what holds the name, for messages.

    Raises:
        ValueError: it is anything else.
    """
    if isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable():
        parts = name.split("/")
        plain = all(part not in ("", ".", "..") and len(part) <= _LONGEST_PART for part in parts)
        if plain and "\\" not in name and not PurePosixPath(name).is_absolute():
            return name
    shown = repr(name)[:60]
    raise ValueError(f"{where}: {shown} is no name of a file inside it; valid: such as 'a/b.npz'")


def refuse_link(path: Path) -> None:
    """Raise a ValueError where a link, a device or a pipe stands in place of a file or folder.

    What is written into a run folder, cut or deleted there is the run's own: behind a link it
    would be somebody else's.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
        raise ValueError(f"{path}: is {kind}; valid: a file or folder of the run itself")


def is_stream(path: Path) -> bool:
    """Whether it is a pipe, a terminal or a device such as /dev/null: nothing there is replaced."""
    return path.is_fifo() or path.is_char_device()
