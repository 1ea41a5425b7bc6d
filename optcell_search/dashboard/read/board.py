"""All that is known of one run, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna

from ... import results
from ...ledger.format import ENDED, RUN_ID, SEARCHED, check_finalized
from ...ledger.lock import is_locked
from ...ledger.notes import Remark, remarks, write_remark
from ...ledger.storage.passwords import without_password
from ...ledger.storage.storage import STORAGE_ERRORS
from ...ledger.writing import study_to_write
from ...results import TrialRecord
from ..info.data import Data
from .opening import open_source
from .source import Curve


class Board:
    """Rows and curves of one run; `refresh` brings in what is new.

    Args:
        where: a run folder, the URL of a study, or the study.
        name: how the run is called on a command line; empty: as `where` says.

    Raises:
        FileNotFoundError, ValueError: there is no such run (see `results.load`).

    Attributes:
        where: the name, without the password that a URL may hold.
        folder: the run folder, None for what is known by its URL or as a study.
        version: counts up whenever anything changes.
        begun: the first version of the run that is there now; what is older is of another one, in
            whose place it was made.
        at_work: whether a process on this machine works on the run; None where it has no folder.
        changed: number of a trial → the version in which it last changed.
    """

    def __init__(self, where: str | Path | optuna.Study, name: str = "") -> None:
        is_study = isinstance(where, optuna.Study)
        self.folder = None if is_study or "://" in str(where) else Path(str(where))
        self.where = name if is_study else without_password(str(where))
        self._place = where
        self.version = 0
        self.at_work: bool | None = None
        self._begin()

    def _begin(self) -> None:
        """Open the run that is there now, of which nothing has been read."""
        source = open_source(self._place)
        self._attributes = source.attributes()
        self._source = source
        self.begun = self.version + 1
        self.changed: dict[int, int] = {}
        self._rows: dict[int, TrialRecord] = {}
        self._curves: dict[int, Curve] = {}
        self._unread: set[int] = set()
        self._data: Data | None = None

    def say(self, number: int | None, remark: Remark) -> None:
        """Keep a remark on a trial, or under None on the run, in the ledger.

        Raises:
            ValueError: there is no such trial, or the ledger cannot be written now.
        """
        self.refresh()
        if number is not None and number not in self._rows:
            raise ValueError(f"no trial {number}; valid: 0 to {len(self._rows) - 1}")
        try:
            with study_to_write(self._place) as study:
                write_remark(study, number, remark)
        except STORAGE_ERRORS as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"{self.where}: cannot be written: {first}") from error

    @property
    def request(self) -> dict[str, object]:
        """What the search was asked to do."""
        return dict(self._attributes["request"])

    @property
    def finished(self) -> int:
        """How many rows will never change again."""
        return sum(row.finished for row in self._rows.values())

    def state_of(self, number: int) -> str:
        """Return the state of a trial as of the last `refresh`, empty for one that is not there."""
        return self._rows[number].state if number in self._rows else ""

    def refresh(self) -> bool:
        """Read what is new; return whether anything is."""
        rows = [row for row in self._source.changes() if self._rows.get(row.number) != row]
        attributes = self._source.attributes()
        if attributes.get(RUN_ID) != self._attributes.get(RUN_ID):
            # The folder was made anew: sources go by numbers, which another run has as well.
            self._begin()
            return self.refresh()
        at_work = None if self.folder is None else is_locked(self.folder)
        same = attributes == self._attributes and at_work == self.at_work
        if not rows and same and self.version >= self.begun:
            return False
        self.version += 1
        self.at_work = at_work
        said = _said_anew(self._attributes, attributes) & self._rows.keys()
        self._attributes = attributes
        self._rows |= {row.number: row for row in rows}
        self.changed |= dict.fromkeys({row.number for row in rows} | said, self.version)
        self._unread |= {row.number for row in rows if row.epochs}
        self._data = None
        return True

    @property
    def trained(self) -> list[int]:
        """Numbers of the trials that have a learning curve, in order."""
        return sorted(number for number, row in self._rows.items() if row.epochs)

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """Return the learning curves of these trials, reading those that are not known yet.

        Left out are trials that have trained no epoch.
        """
        wanted = set(numbers)
        fresh = wanted & self._unread
        if fresh:
            self._curves |= self._source.curves(sorted(fresh))
            self._unread -= fresh
        return {number: self._curves[number] for number in wanted & self._curves.keys()}

    @property
    def data(self) -> Data:
        """All rows as a table, for the views."""
        if self._data is None:
            rows = [self._rows[number] for number in sorted(self._rows)]
            check_finalized(self._attributes, len(rows), self.where)
            request = self._attributes["request"]
            table = results.with_remarks(results.table(rows, request), self._attributes)
            table["worker"] = [row.known.get("worker") for row in rows]
            objectives = results.objectives_of(request)
            self._data = Data(
                table=table,
                finalized=results.finalized_of(self._attributes),
                objectives=objectives,
                folds=results.folds_of(rows, next(iter(objectives))),
                request=dict(request),
                remark=remarks(self._attributes).get(None, Remark()),
                diagnoses=results.diagnoses_of(self._attributes),
                gradients={row.number: found for row in rows if (found := row.gradients)},
                warm_start=results.warm_start(rows, self._attributes),
                chance=results.chance(self.folder, self._attributes),
                searched=float(self._attributes.get(SEARCHED, 0.0)),
                ended=str(self._attributes.get(ENDED, "")),
            )
        return self._data


def _said_anew(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[int]:
    """Return the trials of which something else is said than before."""
    old, new = remarks(before), remarks(after)
    changed = {number for number in old.keys() | new.keys() if old.get(number) != new.get(number)}
    return {number for number in changed if number is not None}
