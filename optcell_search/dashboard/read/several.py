"""Several runs side by side, of which one may be gone."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path

from ...ledger.storage.storage import STORAGE_ERRORS, said
from .board import Board

# What reading a run ends in whose folder is gone, damaged or on a disk that fails.
LOST = (ValueError, *STORAGE_ERRORS)


def boards_of(places: Sequence[str | Path], *, read: bool = False) -> tuple[list[Board], list[str]]:
    """Return the runs that can be read, and why others cannot, of which a warning tells, too.

    Args:
        places: run folders and URLs of studies.
        read: read all trials now, too.

    Raises:
        FileNotFoundError, ValueError: none of them can be read: what is wrong with the first.
    """
    boards, problems = [], []
    for place in places:
        try:
            board = Board(place)
            if read:
                board.refresh()
        except LOST as error:
            problems.append(error)
        else:
            boards.append(board)
    if not boards:
        raise problems[0]
    lost = [f"{said(problem)}; left out" for problem in problems]
    for each in lost:
        warnings.warn(each, stacklevel=3)
    return boards, lost


def named(boards: Sequence[Board]) -> dict[str, Board]:
    """Return name → run, in their order: as on a command line, else as its study is called.

    Of several of one name those that come later have a number behind it.
    """
    found: dict[str, Board] = {}
    for board in boards:
        name = board.where or str(board.request.get("run_id", ""))
        numbered = (f"{name} ({number})" for number in itertools.count(2))
        found[next(one for one in itertools.chain([name], numbered) if one not in found)] = board
    return found
