"""Reading the tables of a database; `api` is the twin that says what the answer has to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy

from ...ledger.storage.storage import engine_for_reading
from ...ledger.trials import stored_trials
from ...results import TrialRecord
from .source import Curve


def has_known_tables(url: str) -> bool:
    """Whether the database at `url` holds Optuna's tables in the form that is known here."""
    engine = engine_for_reading(url)
    try:
        with engine.connect() as connection:
            return stored_trials.has_known_tables(_asking(connection))
    finally:
        engine.dispose()


class SqlSource:
    """Reads one study of a database.

    Args:
        url: of the database.
        name: of the study.
    """

    def __init__(self, url: str, name: str) -> None:
        self._engine = engine_for_reading(url)
        with self._engine.connect() as connection:
            study = stored_trials.studies(_asking(connection))[name]
        self._trials = stored_trials.StoredTrials(study)

    def attributes(self) -> dict[str, Any]:
        """Return the study's user attributes."""
        with self._engine.connect() as connection:
            return self._trials.attributes(_asking(connection))

    def changes(self) -> list[TrialRecord]:
        """Return the rows that had not finished at the last call, and those made since."""
        with self._engine.connect() as connection:
            return self._trials.changes(_asking(connection))

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """Return the learning curves of these trials."""
        with self._engine.connect() as connection:
            found = self._trials.epochs(_asking(connection), list(numbers))
        return {number: Curve.of(list(steps.items())) for number, steps in found.items()}


def _asking(connection: sqlalchemy.Connection) -> stored_trials.Ask:
    def ask(statement: str) -> Sequence[Sequence[Any]]:
        # As the driver gives them: to make objects of hundreds of thousands of rows takes long.
        found = connection.execute(sqlalchemy.text(statement))
        rows: Sequence[Sequence[Any]] = found.cursor.fetchall()
        found.close()
        return rows

    return ask
