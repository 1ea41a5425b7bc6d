"""Files that appear whole or not at all, and never behind a link that somebody laid."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, text: str) -> Path:
    """Write a text file; one that exists is replaced, a link by the file. Return the path.

    What is half written lies under a name nobody can foresee, made anew and no link, and goes away
    when it cannot be finished, as on a full disk.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return draft.replace(path)
    except BaseException:
        draft.unlink()
        raise
