"""The page inside a notebook: as it is now, without a server, an extension or the network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from .figures.source import AnyRun, board_of
from .report import report

_LEAST = 200


class Inline:
    """The page of a run in a frame; a notebook shows it as the value of a cell.

    It holds the moment at which it was made: called again, it shows what has come since. It works
    wherever the notebook's output does, behind a JupyterHub and in a saved notebook too, since the
    frame asks no server for anything.
    """

    def __init__(self, page: str, height: int) -> None:
        self._page = page
        self._height = height

    def _repr_html_(self) -> str:
        # Scripts of the page may run, but not as the notebook: it is of no origin of its own.
        return (
            f'<iframe srcdoc="{html.escape(self._page)}" sandbox="allow-scripts allow-downloads '
            f'allow-modals" style="width: 100%; height: {self._height}px; border: 1px solid" '
            'title="optcell-search"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the page as one HTML file; return its path."""
        target = Path(path)
        target.write_text(self._page, encoding="utf-8")
        return target


def show(run: AnyRun | Sequence[AnyRun], height: int = 900) -> Inline:
    """Return the page of a run, or of several side by side, for a notebook to show.

    Args:
        run: what `Run.open` gives, a run folder, the URL of a study or the study; or several.
        height: of the frame, in pixels.

    Raises:
        FileNotFoundError, ValueError: there is no such run, or `height` is less than 200.
    """
    if height < _LEAST:
        raise ValueError(f"height = {height}; valid: {_LEAST} or more, in pixels")
    several = isinstance(run, Sequence) and not isinstance(run, str)
    runs: Sequence[AnyRun] = run if several else [run]  # type: ignore[assignment, list-item]
    return Inline(report([board_of(each) for each in runs]), height)
