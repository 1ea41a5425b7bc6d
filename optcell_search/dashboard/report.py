"""The report: every view of one or several runs in one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna

from ..ledger.storage.whole import write_text_whole
from . import content, page
from .info.compare import compare
from .read import Board, boards_of, named

# All trials up to here have their impulse response in the file; of more, the front and the best.
_MOST_IMPULSES = 2000
# Beyond so many trials only one metric's learning curves go into the file.
_MANY = 2000


def write_report(
    run: str | Path | optuna.Study | Sequence[str | Path],
    path: str | Path,
    *,
    where: str | Path = "",
) -> Path:
    """Write the report of a run, or of several side by side.

    Args:
        run: a run folder, the URL of a study, or the study; or several folders or URLs.
        path: the HTML file, in a folder that is there; one that exists is replaced, whole or not
            at all. A pipe or a device is written to.
        where: how a study is named on a command line; otherwise `run` says so itself.

    Returns:
        The path.

    Raises:
        FileNotFoundError, ValueError: there is no such run (see `results.load`). Of several the
            page holds those that are there; of the others it and a warning tell.
        OSError: the file cannot be written.
    """
    if isinstance(run, str | Path | optuna.Study):
        return write_text_whole(Path(path), report([Board(run, str(where))]))
    return write_text_whole(Path(path), report(*boards_of(run, read=True)))


def report(boards: Sequence[Board], lost: Sequence[str] = ()) -> str:
    """Return the report of these runs as HTML; `lost` says why others are not in it."""
    for board in boards:
        board.refresh()
    return page.file(
        {
            "live": False,
            "names": list(named(boards)),
            "lost": [*lost],
            "runs": [_whole(board) for board in boards],
            "compare": compared(boards),
        }
    )


def _whole(board: Board) -> dict[str, Any]:
    shown = content.Contents(board).whole()
    numbers = shown["rows"]["number"]
    if len(numbers) > _MOST_IMPULSES:
        numbers = [*shown["front"], *(int(n) for n in board.data.best_first["number"])]
        numbers = numbers[:_MOST_IMPULSES]
    metrics = 4 if len(shown["rows"]["number"]) <= _MANY else 1
    return {
        **shown,
        "curves": content.curves(board, content.MOST_CURVES, metrics),
        "impulses": content.impulses(board.data, numbers),
        "gradients": content.gradients(board.data, numbers),
    }


def compared(boards: Sequence[Board]) -> dict[str, Any] | None:
    """Return how runs stand to each other, None for a single one."""
    from dataclasses import asdict

    if len(boards) < 2:
        return None
    return asdict(compare({name: board.data for name, board in named(boards).items()}))
