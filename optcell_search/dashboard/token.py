"""Where the dashboard's token comes from: an option, a file, or the environment."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "OPTCELL_TOKEN"


def find_token(given: str = "", file: str | Path | None = None) -> str:
    """Return the token; empty where none was named.

    Everybody on a machine can read the arguments of its processes, so that a file or the
    environment variable ``OPTCELL_TOKEN`` is the better place.

    Args:
        given: the token itself; goes before the file, and the file before the environment.
        file: that holds it, alone in its first line.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its first line is empty.
    """
    if given:
        return given
    if file is None:
        return os.environ.get(VARIABLE, "")
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"--token-file {path}: no such file")
    first = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    if not first:
        raise ValueError(f"--token-file {path}: its first line is empty; valid: the token")
    return first
