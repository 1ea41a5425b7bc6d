"""A study is worked on by one process at a time, even where a run folder was copied.

The lock of the folder cannot see to that: a copy of it has a lock of its own, and names the same
study when the ledger lies outside.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock
import sqlalchemy
from optuna.storages import RDBStorage

from .names import refuse_link
from .storage import LedgerStorage

# A driver whose machine lost power says no goodbye: the server finds out after a minute, not after
# the two hours that are common.
_KEEPALIVES = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
_LOCK = sqlalchemy.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")


@contextlib.contextmanager
def locked(storage: LedgerStorage, name: str) -> Iterator[None]:
    """Lock the study `name` against every other process; the lock ends with this one.

    A file is locked by another one beside it, a PostgreSQL study by an advisory lock. Other
    databases are not locked.

    Raises:
        ValueError: another process holds it.
    """
    holding: contextlib.AbstractContextManager[bool]
    if storage.file is not None:
        holding = _beside(storage.file, name)
    elif isinstance(storage.optuna, RDBStorage) and _is_postgresql(storage.optuna):
        holding = _in_postgresql(storage.optuna.engine, name)
    else:
        holding = contextlib.nullcontext(True)
    with holding as mine:
        if not mine:
            raise ValueError(f"study {storage}: another process is working on {name}")
        yield


def _is_postgresql(storage: RDBStorage) -> bool:
    name: str = storage.engine.dialect.name
    return name == "postgresql"


@contextlib.contextmanager
def _beside(file: Path, name: str) -> Iterator[bool]:
    path = file.with_name(f".{file.name}.{name}.lock")
    refuse_link(path)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # Held while it is deleted; filelock takes no hold of a file that has lost its name.
        path.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def _in_postgresql(engine: sqlalchemy.Engine, name: str) -> Iterator[bool]:
    # A connection outside the pool, for the lock lasts as long as its connection does.
    lone = sqlalchemy.create_engine(
        engine.url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT"
    )
    with lone.connect() as connection:
        for option, seconds in _KEEPALIVES.items():
            connection.execute(sqlalchemy.text(f"SET {option} = {seconds}"))
        yield bool(connection.execute(_LOCK, {"name": name}).scalar())
