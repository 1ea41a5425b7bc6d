"""The runs that are looked at, each read again when it is asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...ledger.notes import Remark
from ...ledger.trials.stored_trials import nothing_to_collect
from .. import content
from ..info.compare import compare
from ..read import LOST, Board, boards_of, named

_METRICS = 4
_MANY = 2000


class Desk:
    """Several runs, read by one thread at a time.

    Args:
        places: run folders and URLs of studies.

    Raises:
        FileNotFoundError, ValueError: none of them holds a run. Where some do not, a warning says
            so.

    Attributes:
        lost: why runs that were asked for are not among these.
    """

    def __init__(self, places: Sequence[str | Path]) -> None:
        self._boards, self.lost = boards_of(places)
        self._contents = [content.Contents(board) for board in self._boards]
        self._lock = threading.Lock()
        self._compared: dict[int, int] = {}
        self._ready: dict[str, Any] = {}

    @property
    def names(self) -> list[str]:
        """How the runs are named, each by a name of its own."""
        return list(named(self._boards))

    def __len__(self) -> int:
        return len(self._boards)

    def folder(self, at: int) -> Path | None:
        """Return the folder of a run, None for one that is known by its URL alone."""
        return self._boards[at].folder

    def is_complete(self, at: int, trial: int) -> bool:
        """Whether a run has this trial, and it is complete."""
        with self._lock:
            self._boards[at].refresh()
            return self._boards[at].state_of(trial) == "COMPLETE"

    def say(self, at: int, trial: int | None, remark: Remark) -> None:
        """Keep a remark on a trial, or under None on the run; raises as `Board.say`."""
        with self._lock:
            self._boards[at].say(trial, remark)

    def prepare(self) -> None:
        """Have ready what the first page will ask for, while the browser is still starting."""
        with self._lock, nothing_to_collect(), contextlib.suppress(*LOST):
            self._read(0)
            self._ready = self._contents[0].whole(patient=False)

    def whole(self, at: int) -> dict[str, Any]:
        """Return what the page shows of a run, without what takes long to work out."""
        with self._lock:
            board = self._read(at)
            ready, self._ready = self._ready, {}
            if at == 0 and ready.get("version") == board.version:
                return ready
            return self._contents[at].whole(patient=False)

    def news(self, at: int, since: int) -> dict[str, Any]:
        """Return what is new of a run since a version, and of the comparison with the others."""
        with self._lock:
            shown = self._contents[at]
            fresh = self._boards[at].refresh() or self._boards[at].version > since
            told: dict[str, Any] = {}
            if fresh or shown.behind:
                told["content"] = shown.news(since)
            if len(self._boards) > 1 and (compared := self._compare()):
                told["compare"] = compared
            return told

    def comparison(self) -> dict[str, Any] | None:
        """Return how the runs stand to each other, None for a single one."""
        with self._lock:
            if len(self._boards) < 2:
                return None
            self._compared = {}
            return self._compare()

    def _compare(self) -> dict[str, Any] | None:
        """Return the comparison where a run has changed since it was last asked for."""
        for i in range(len(self._boards)):
            with contextlib.suppress(*LOST):
                self._read(i)
        versions = {i: board.version for i, board in enumerate(self._boards)}
        if versions == self._compared:
            return None
        self._compared = versions
        known = {name: board for name, board in named(self._boards).items() if board.version}
        return asdict(compare({name: board.data for name, board in known.items()}))

    def _read(self, at: int) -> Board:
        """Read what is new of a run; of one that is lost what was known of it stays."""
        board = self._boards[at]
        try:
            board.refresh()
        except LOST:
            if not board.version:
                raise
        return board

    def curves(self, at: int, since: int) -> dict[str, Any]:
        """Return the learning curves of the trials that changed after a version."""
        with self._lock:
            board = self._boards[at]
            metrics = _METRICS if len(board.data.table) <= _MANY else 1
            return content.curves(board, content.MOST_CURVES, metrics, since)

    def cell(self, at: int, trial: int) -> dict[str, Any]:
        """Return the impulse response of a trial's rule, and how far its gradient reaches."""
        with self._lock:
            data = self._boards[at].data
            return {
                "impulses": content.impulses(data, [trial]),
                "gradients": content.gradients(data, [trial]),
            }
