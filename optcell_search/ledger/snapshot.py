"""A ledger at one moment, as plain data; where it is a SQLite file, without importing Optuna."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .format import DATABASE, REQUEST, check_finalized
from .reading import load, names_of
from .storage.names import refuse_link
from .storage.read_only import connect_for_reading
from .trials.attributes import check_numbers, check_study
from .trials.stored_trials import StoredTrials, has_known_tables, studies
from .trials.trial_record import TrialRecord, record_of


@dataclass(frozen=True)
class Snapshot:
    """A ledger at one moment.

    Attributes:
        attributes: the study's user attributes.
        records: its trials, in order of their numbers.
    """

    attributes: dict[str, Any]
    records: list[TrialRecord]


def snapshot(folder: Path) -> Snapshot:
    """Return what the ledger of a run folder holds; nothing is changed by it.

    Raises:
        FileNotFoundError, ValueError: as `reading.load`.
    """
    study, name = names_of(folder)
    quick = None if study else _quick(folder / DATABASE, name, str(folder))
    if quick is not None:
        return quick
    # Elsewhere, of another form or damaged: Optuna reads it, or says what is wrong with it.
    loaded = load(folder)
    records = [record_of(trial) for trial in loaded.get_trials(deepcopy=False)]
    return Snapshot(loaded.user_attrs, records)


def _quick(file: Path, name: str, where: str) -> Snapshot | None:
    """Return what a database holds; None where that has to be left to Optuna."""
    if not file.is_file():
        return None
    refuse_link(file)
    try:
        with contextlib.closing(connect_for_reading(file)) as connection:
            found = _read(connection, name)
    except (
        sqlite3.Error,
        json.JSONDecodeError,
        UnicodeDecodeError,
        TypeError,
        OSError,
        RecursionError,
    ):
        return None
    if found is not None:
        check_study(found.attributes, where)
        check_numbers([record.number for record in found.records], where)
        check_finalized(found.attributes, len(found.records), where)
    return found


def _read(connection: sqlite3.Connection, name: str) -> Snapshot | None:
    def ask(statement: str) -> list[Any]:
        return connection.execute(statement).fetchall()

    known = studies(ask) if has_known_tables(ask) else {}
    chosen = known.get(name) if name or len(known) != 1 else next(iter(known.values()))
    if chosen is None:
        return None
    trials = StoredTrials(chosen)
    attributes = trials.attributes(ask)
    return Snapshot(attributes, trials.changes(ask)) if REQUEST in attributes else None
