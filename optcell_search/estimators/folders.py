"""The folder of a search that an estimator has made: kept where it is asked for, or temporary."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


class SearchFolder:
    """A new folder for one search.

    A temporary one is removed with the last reference to this.

    Args:
        out: folder to make it in, where it stays; None: a temporary one.
    """

    def __init__(self, out: str | Path | None) -> None:
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="search-", dir=out)).absolute()
        if out is None:
            weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    @property
    def run(self) -> Path:
        """Where the run goes."""
        return self.path / "run"

    def remove_unless_begun(self) -> None:
        """Remove the folder, if there is no run in it."""
        if not self.run.exists():
            shutil.rmtree(self.path)
