"""Writing a ledger that was kept in memory into that of a run folder."""

from __future__ import annotations

from optuna.storages import RDBStorage

from .ledger import Ledger
from .trials.bulk import write_all


def write_into(made: Ledger, ledger: Ledger) -> None:
    """Write the trials of a ledger, all of them finished, and what is noted of the run.

    Args:
        made: a new ledger in a database, of the same request, which has no trial.
        ledger: what is written.
    """
    known = made.study.user_attrs
    for name, value in ledger.study.user_attrs.items():
        if name not in known:
            made.note(name, value)
    storage = made._storage.optuna
    assert isinstance(storage, RDBStorage)
    write_all(made.study, storage, ledger.trials())
