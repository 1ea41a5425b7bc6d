"""Making the ledger of a new run, and opening that of a run there is, to write into it."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, OptunaError

from .amending import settled
from .format import DATABASE, REQUEST, REQUEST_FILE, RUN_ID
from .ledger import Ledger
from .names import refuse_link
from .request import Request
from .storage import STORAGE_ERRORS, LedgerStorage, quiet_optuna

_MOST_SHOWN = 60  # characters


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
        return Ledger(request, storage, _study(request, storage))


def open_ledger(request: Request, folder: Path) -> Ledger:
    """Open the ledger of a run folder, wherever its request says it lies.

    Raises:
        ValueError: the storage does not answer, or the run's study is not in it.
    """
    if not request.study and not (folder / DATABASE).is_file():
        raise ValueError(f"{folder}: the ledger {DATABASE} is missing")
    if not request.study:
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            refuse_link(folder / name)
    storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
    with _closed_on_failure(storage):
        study = _study(request, storage)
        request = settled(request, study, folder)
        ledger = Ledger(request, storage, study)
        _refuse_edited(request, ledger, folder)
        return ledger


def _study(request: Request, storage: LedgerStorage) -> optuna.Study:
    quiet_optuna()
    try:
        study = optuna.load_study(study_name=request.run_id, storage=storage.optuna)
        if REQUEST not in study.user_attrs:
            study.set_user_attr(RUN_ID, request.run_id)
            study.set_user_attr(REQUEST, request.to_dict())
            _name_objectives(study, list(request.objectives))
    except KeyError as error:
        # Made anew it would be empty, and what was trained so far would be trained again.
        raise ValueError(f"study {storage}: holds no study {request.run_id!r}") from error
    except (*STORAGE_ERRORS, OptunaError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise ValueError(f"study {storage}: cannot be used: {first}") from error
    return study


def _name_objectives(study: optuna.Study, names: list[str]) -> None:
    """Tell other tools for Optuna studies what the objectives are called."""
    with warnings.catch_warnings():
        # Public for years, and still called experimental.
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(names)


def _refuse_edited(request: Request, ledger: Ledger, folder: Path) -> None:
    """Raise a ValueError where run.toml asks for something else than what the study was made for.

    Where the data lies may change; that it is the same data is seen from its fingerprint.
    """
    path = folder / REQUEST_FILE
    asked = Request.from_dict(ledger.study.user_attrs[REQUEST], f"the study of {folder}")
    for field in dataclasses.fields(Request):
        here, there = getattr(request, field.name), getattr(asked, field.name)
        if here != there and field.name != "data_dir":
            raise ValueError(
                f"{path}: {field.name} = {_short(here)}, but the run was made with "
                f"{_short(there)}; put that back, or begin a new run"
            )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


@contextlib.contextmanager
def _closed_on_failure(storage: LedgerStorage) -> Iterator[None]:
    """Let go of a storage that turns out to hold no ledger."""
    try:
        yield
    except ValueError:
        storage.close()
        raise
