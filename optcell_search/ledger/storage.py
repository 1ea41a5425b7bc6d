"""Where a ledger lies: an Optuna storage, and for SQLite one that is fast and survives a crash."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from .format import DATABASE, JOURNAL
from .journal import mend

_MOMENT = 0.5  # seconds

# What a storage raises when the disk is full, the server gone or a table damaged.
STORAGE_ERRORS = (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, OSError)


class LedgerStorage:
    """An opened Optuna storage, and how to close it and to push it to the disk.

    Args:
        url: of the storage: any SQLAlchemy URL, or ``journal:///absolute/path`` for a file in
            Optuna's journal format.

    Raises:
        ValueError: it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.file: Path | None = None
        try:
            self.optuna: BaseStorage = self._open()
        except (*STORAGE_ERRORS, ImportError, ValueError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"study {self}: cannot be opened: {first}") from error

    def __str__(self) -> str:
        """Return the URL without the password it may hold."""
        if self.url.startswith(JOURNAL) or "://" not in self.url:
            return self.url
        return sqlalchemy.make_url(self.url).render_as_string(hide_password=True)

    @classmethod
    def in_folder(cls, folder: Path) -> LedgerStorage:
        """Open ``study.db`` of a run folder, making it if need be."""
        # Built rather than pasted: a folder's name may hold characters that a URL gives a meaning.
        url = sqlalchemy.URL.create("sqlite", database=str(folder.absolute() / DATABASE))
        return cls(url.render_as_string(hide_password=False))

    def _open(self) -> BaseStorage:
        if self.url.startswith(JOURNAL):
            file = self.file = Path(self.url.removeprefix(JOURNAL))
            mend(file)
            return JournalStorage(JournalFileBackend(str(file)))
        url = sqlalchemy.make_url(self.url)
        if url.get_backend_name() != "sqlite" or not url.database:
            return RDBStorage(self.url)
        file = self.file = Path(url.database)
        try:
            return _open_sqlite(file)
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.OperationalError):
            # Another process may have been making the same tables, as when a run is looked at
            # just as it starts; a moment later they are there.
            time.sleep(_MOMENT)
            return _open_sqlite(file)

    def flush(self) -> None:
        """Have what was written so far survive a power cut."""
        if self.file is None:
            return
        log = Path(f"{self.file}-wal")
        if log.exists():
            descriptor = os.open(log, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Give all connections back, which also folds SQLite's side files into the database."""
        if isinstance(self.optuna, RDBStorage):
            self.optuna.remove_session()
            self.optuna.engine.dispose()


def _open_sqlite(file: Path) -> RDBStorage:
    # With a creator the URL says no more than the dialect; Optuna would take braces in a path for
    # a template.
    return RDBStorage("sqlite://", engine_kwargs={"creator": lambda: _connect(file)})


def _connect(file: Path) -> sqlite3.Connection:
    """Connect so that a commit costs a write but no wait for the disk.

    With a write-ahead log and synchronous=NORMAL the database is whole after any crash; what a
    power cut could take is only what was committed since the last `flush`.
    """
    connection = sqlite3.connect(file, timeout=60, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def quiet_optuna() -> None:
    """Keep Optuna from logging every trial; the run has a view of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
