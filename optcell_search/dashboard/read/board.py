"""All that is known of one run, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import optuna

from ... import results
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
        where: the name.
        version: counts up whenever anything changes.
        changed: number of a trial → the version in which it last changed.
    """

    def __init__(self, where: str | Path | optuna.Study, name: str = "") -> None:
        self.where = name if isinstance(where, optuna.Study) else str(where)
        self.version = 0
        self.changed: dict[int, int] = {}
        self._source = open_source(where)
        self._rows: dict[int, TrialRecord] = {}
        self._curves: dict[int, Curve] = {}
        self._unread: set[int] = set()
        self._attributes = self._source.attributes()
        self._data: Data | None = None

    @property
    def request(self) -> dict[str, object]:
        """What the search was asked to do."""
        return dict(self._attributes["request"])

    @property
    def finished(self) -> int:
        """How many rows will never change again."""
        return sum(row.finished for row in self._rows.values())

    def refresh(self) -> bool:
        """Read what is new; return whether anything is."""
        rows = [row for row in self._source.changes() if self._rows.get(row.number) != row]
        attributes = self._source.attributes()
        if not rows and attributes == self._attributes and self.version:
            return False
        self.version += 1
        self._attributes = attributes
        self._rows |= {row.number: row for row in rows}
        self.changed |= {row.number: self.version for row in rows}
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
            request = self._attributes["request"]
            table = results.table(rows, request)
            table["worker"] = [row.known.get("worker") for row in rows]
            self._data = Data(
                table=table,
                finalized=results.finalized_of(self._attributes),
                objectives=results.objectives_of(request),
                request=dict(request),
                gradients={row.number: found for row in rows if (found := row.gradients)},
            )
        return self._data
