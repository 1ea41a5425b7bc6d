"""What a power cut leaves: a file is safe when it, and its entry in its folder, are on the disk."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the content of a file, or which files a folder holds, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Have a folder survive a power cut, with the files in it."""
    for path in folder.iterdir():
        if path.is_file():
            sync(path)
    sync(folder)
