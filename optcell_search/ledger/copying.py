"""Writing a ledger that was kept in memory into a run folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from .ledger import Ledger
from .storage.storage import LedgerStorage
from .trials.bulk import write_all


def write_into(folder: Path, ledger: Ledger) -> None:
    """Write the trials of a ledger, all of them finished, and what is noted of the run.

    Args:
        folder: a new run folder whose ledger, as `folder.make` made it, has no trial.
        ledger: of the same request.
    """
    with contextlib.closing(LedgerStorage.in_folder(folder)) as storage:
        study = optuna.load_study(study_name=ledger.request.run_id, storage=storage.optuna)
        for name, value in ledger.study.user_attrs.items():
            if name not in study.user_attrs:
                study.set_user_attr(name, value)
        assert isinstance(storage.optuna, RDBStorage)
        write_all(study, storage.optuna, ledger.trials())
        storage.flush()
