"""Where a ledger lies: an Optuna storage, and for SQLite one that is fast and survives a crash."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import OptunaError, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from ..format import DATABASE, JOURNAL
from .disk import sync
from .journal import mend, refuse_foreign
from .passwords import refuse_mistyped, without_password
from .read_only import WAIT, connect_for_reading

_MOMENT = 0.5  # seconds

# What a storage raises when the disk is full, the server gone or a table damaged.
STORAGE_ERRORS = (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, OSError)

# What Optuna's own code first stumbles over in a database that is damaged or of another version.
DAMAGE = (OptunaError, RuntimeError, AssertionError, LookupError, TypeError)


def said(error: BaseException) -> str:
    """Return in one line what a storage complains of, without a password or a statement of SQL."""
    # Optuna's own words for every failure of a commit are about data that is wrong.
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None:
        error = error.orig
    first = (str(error).strip().splitlines() or [""])[0]
    return first or type(error).__name__


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
        except (*STORAGE_ERRORS, *DAMAGE, ImportError, ValueError) as error:
            raise ValueError(f"study {self}: cannot be opened: {said(error)}") from error

    def __str__(self) -> str:
        """Return the URL without the password it may hold."""
        return without_password(self.url)

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
        if self.file is not None:
            with contextlib.suppress(FileNotFoundError):
                sync(Path(f"{self.file}-wal"))

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
    connection = sqlite3.connect(file, timeout=WAIT, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def storage_for_reading(url: str) -> BaseStorage:
    """Open what is there, so that nothing is made, changed or mended by it.

    Raises:
        FileNotFoundError: the URL's file is not there.
    """
    if url.startswith(JOURNAL):
        file = Path(url.removeprefix(JOURNAL))
        _require_file(file, url)
        refuse_foreign(file)
        return JournalStorage(JournalFileBackend(str(file)))
    return RDBStorage(*_for_reading(url))


def engine_for_reading(url: str) -> sqlalchemy.Engine:
    """Return an engine for plain queries that creates and changes nothing."""
    address, options = _for_reading(url)
    return sqlalchemy.create_engine(address, pool_pre_ping=True, **options)


def check_reachable(url: str) -> None:
    """Make sure that a study can be kept at a URL, as far as looking tells.

    Raises:
        ValueError: it is in memory alone, the file is something else, its folder is missing or may
            not be written to, or the server does not answer.
    """
    where, file = f"study {without_password(url)}", file_of(url)
    if file is None and sqlalchemy.make_url(url).get_backend_name() == "sqlite":
        raise ValueError(f"{where}: names no file, so nothing would be kept; valid: sqlite:///FILE")
    if file is not None and not file.exists():
        if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
            raise ValueError(f"{where}: cannot be written there")
        return
    if file is not None and not file.is_file():
        raise ValueError(f"{where}: is no file")
    try:
        if url.startswith(JOURNAL):
            refuse_foreign(Path(url.removeprefix(JOURNAL)))
            return
        engine = engine_for_reading(url)
        with engine.connect() as connection:
            sqlalchemy.inspect(connection).get_table_names()
        engine.dispose()
    except (*STORAGE_ERRORS, ImportError, ValueError) as error:
        raise ValueError(f"{where}: cannot be opened: {said(error)}") from error


def _for_reading(url: str) -> tuple[str, dict[str, Any]]:
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        # A study that was read is let go of by nobody: no connection may outlive its query.
        return url, {"poolclass": sqlalchemy.NullPool}
    file = Path(parsed.database)
    _require_file(file, url)
    creator = functools.partial(connect_for_reading, file)
    return "sqlite://", {"creator": creator, "poolclass": sqlalchemy.NullPool}


def _require_file(file: Path, url: str) -> None:
    if not file.is_file():
        raise FileNotFoundError(f"{without_password(url)}: no such file")


def file_of(url: str) -> Path | None:
    """Return the file that an Optuna URL names; None: it names a server."""
    if url.startswith(JOURNAL):
        return Path(url.removeprefix(JOURNAL))
    try:
        parsed = sqlalchemy.make_url(url) if url else None
    except sqlalchemy.exc.ArgumentError:
        return None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def is_missing(url: str) -> bool:
    """Whether an Optuna URL names a file that is not there."""
    file = file_of(url)
    return file is not None and not file.exists()


def absolute_url(url: str) -> str:
    """Return an Optuna URL that means the same from every folder."""
    if url.startswith(JOURNAL):
        return f"{JOURNAL}{Path(url.removeprefix(JOURNAL)).absolute()}"
    try:
        parsed = sqlalchemy.make_url(url) if url else None
    except sqlalchemy.exc.ArgumentError:
        # From None: what cannot be read may hold a password.
        refuse_mistyped("study", url)
        shown = without_password(url)
        raise ValueError(f"study {shown}: no URL; valid: such as sqlite:///study.db") from None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    file = parsed.set(database=str(Path(parsed.database).absolute()))
    return file.render_as_string(hide_password=False)


def quiet_optuna() -> None:
    """Keep Optuna from logging every trial; the run has a view of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
