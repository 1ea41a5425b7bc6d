"""Where a user's own file is."""

from __future__ import annotations

from pathlib import Path


def find(path: str, folder: Path) -> Path:
    """Return where the user's file is: at `path`, or at `path` inside the data folder.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    for candidate in (Path(path), folder / path):
        if candidate.is_file():
            return candidate
    places = dict.fromkeys((str(Path(path).absolute()), str((folder / path).absolute())))
    raise FileNotFoundError(f"data file {path} not found; looked for {' and '.join(places)}")
