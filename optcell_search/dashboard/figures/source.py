"""What a figure is drawn from: any run, as the page reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import optuna

from ..palette import Style, styles
from ..read import Board


class HasDirectory(Protocol):
    """What `Run.open` gives."""

    directory: Path


AnyRun = HasDirectory | str | Path | optuna.Study


def board_of(run: AnyRun) -> Board:
    """Return a run as it is now.

    Raises:
        FileNotFoundError, ValueError: there is no such run (see `results.load`).
    """
    is_place = isinstance(run, str | Path | optuna.Study)
    board = Board(run if is_place else run.directory)  # type: ignore[union-attr, arg-type]
    board.refresh()
    return board


def styles_of(board: Board) -> dict[str, Style]:
    """Return each rule's colour and marker, the same as on the page."""
    return styles(str(rule) for rule in board.data.table["rule"].dropna())
