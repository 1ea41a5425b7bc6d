"""Making the ledger of a new run, and opening that of a run there is, to write into it."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning

from .amending import settled
from .format import DATABASE, REQUEST, REQUEST_FILE, RUN_ID, check_finalized
from .ledger import Ledger
from .request import Request
from .storage.names import refuse_link
from .storage.storage import DAMAGE, STORAGE_ERRORS, LedgerStorage, quiet_optuna, said
from .trials.attributes import check_numbers, check_study
from .trials.trial_record import record_of
from .typed import short


def make_ledger(request: Request, folder: Path) -> Ledger:
    """Make the ledger of a new run, in its folder or where its request says.

    Raises:
        ValueError: the storage does not answer, or holds a study of this name already.
    """
    storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
    return ledger_in(storage, request)


def ledger_in(storage: LedgerStorage, request: Request) -> Ledger:
    """Make the ledger of a new run in a storage that is open.

    Raises:
        ValueError: the storage does not answer, or holds a study of this name already.
    """
    quiet_optuna()
    directions = list(request.objectives.values())
    with _closed_on_failure(storage):
        try:
            optuna.create_study(
                study_name=request.run_id, storage=storage.optuna, directions=directions
            )
        except (*STORAGE_ERRORS, DuplicatedStudyError) as error:
            raise ValueError(f"study {storage}: cannot be made: {said(error)}") from error
        return Ledger(request, _study(request, storage), storage)


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
    with _closed_on_failure(storage), _in_words(storage):
        study = _study(request, storage)
        check_study(study.user_attrs, str(folder))
        request = settled(request, study, folder)
        _refuse_edited(request, study, folder)
        # Nothing is done with a study in which there is what no search writes.
        records = [record_of(trial) for trial in study.get_trials(deepcopy=False)]
        check_numbers([record.number for record in records], str(folder))
        check_finalized(study.user_attrs, len(records), str(folder))
        return Ledger(request, study, storage)


@contextlib.contextmanager
def _in_words(storage: LedgerStorage) -> Iterator[None]:
    try:
        yield
    except (*STORAGE_ERRORS, *DAMAGE) as error:
        raise ValueError(f"study {storage}: cannot be used: {said(error)}") from error


def _study(request: Request, storage: LedgerStorage) -> optuna.Study:
    quiet_optuna()
    try:
        study = optuna.load_study(study_name=request.run_id, storage=storage.optuna)
        if REQUEST not in study.user_attrs:
            study.set_user_attr(RUN_ID, request.run_id)
            study.set_user_attr(REQUEST, request.without_passwords.to_dict())
            _name_objectives(study, list(request.objectives))
    except KeyError as error:
        # Made anew it would be empty, and what was trained so far would be trained again.
        raise ValueError(f"study {storage}: holds no study {request.run_id!r}") from error
    return study


def _name_objectives(study: optuna.Study, names: list[str]) -> None:
    """Tell other tools for Optuna studies what the objectives are called."""
    with warnings.catch_warnings():
        # Public for years, and still called experimental.
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(names)


def _refuse_edited(request: Request, study: optuna.Study, folder: Path) -> None:
    """Raise a ValueError where run.toml asks for something else than what the study was made for.

    Where the data lies may change; that it is the same data is seen from its fingerprint.
    """
    path = folder / REQUEST_FILE
    asked = Request.from_dict(study.user_attrs[REQUEST], f"the study of {folder}")
    # The study holds no passwords; that of a run of 0.1 may.
    request, asked = request.without_passwords, asked.without_passwords
    for field in dataclasses.fields(Request):
        here, there = getattr(request, field.name), getattr(asked, field.name)
        if here != there and field.name != "data_dir":
            raise ValueError(
                f"{path}: {field.name} = {short(here)}, but the run was made with "
                f"{short(there)}; put that back, or begin a new run"
            )


@contextlib.contextmanager
def _closed_on_failure(storage: LedgerStorage) -> Iterator[None]:
    """Let go of a storage that turns out to hold no ledger."""
    try:
        yield
    except ValueError:
        storage.close()
        raise
