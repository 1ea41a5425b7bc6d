"""Making the ledger of a new run, and opening that of a run there is, to write into it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError

from .format import DATABASE
from .ledger import Ledger
from .request import Request
from .storage import STORAGE_ERRORS, LedgerStorage, quiet_optuna


def make_ledger(request: Request, folder: Path) -> Ledger:
    """Make the ledger of a new run, in its folder or where its request says.

    Raises:
        ValueError: the storage does not answer, or holds a study of this name already.
    """
    storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
    quiet_optuna()
    directions = list(request.objectives.values())
    with _closed_on_failure(storage):
        try:
            optuna.create_study(
                study_name=request.run_id, storage=storage.optuna, directions=directions
            )
        except (*STORAGE_ERRORS, DuplicatedStudyError) as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"study {storage}: cannot be made: {first}") from error
        return Ledger(request, storage)


def open_ledger(request: Request, folder: Path) -> Ledger:
    """Open the ledger of a run folder, wherever its request says it lies.

    Raises:
        ValueError: the storage does not answer, or the run's study is not in it.
    """
    if not request.study and not (folder / DATABASE).is_file():
        raise ValueError(f"{folder}: the ledger {DATABASE} is missing")
    storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
    with _closed_on_failure(storage):
        return Ledger(request, storage)


@contextlib.contextmanager
def _closed_on_failure(storage: LedgerStorage) -> Iterator[None]:
    """Let go of a storage that turns out to hold no ledger."""
    try:
        yield
    except ValueError:
        storage.close()
        raise
