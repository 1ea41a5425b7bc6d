"""Opening a study to add to it while a search may work on it: notes, wishes, trials to try."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import optuna

from . import trust as trusting
from .format import DATABASE
from .reading import is_journal, load, locate, names_of
from .storage.names import refuse_link
from .storage.storage import LedgerStorage, storage_for_reading


@contextlib.contextmanager
def study_to_write(where: str | Path | optuna.Study) -> Iterator[optuna.Study]:
    """Open a study for adding to it.

    Args:
        where: a run folder, the URL of a study, or the study.

    Raises:
        FileNotFoundError, ValueError: as `reading.open_study`; or the folder names a study outside
            of it, which the user has not named, too.
    """
    if isinstance(where, optuna.Study):
        yield where
        return
    if "://" not in str(where):
        _require_own(Path(where))
    name = load(where).study_name
    url, _ = locate(where)
    if is_journal(url):
        # As it is: the end of a journal that a search writes at this moment is not to be mended.
        yield optuna.load_study(study_name=name, storage=storage_for_reading(url))
        return
    storage = LedgerStorage(url)
    try:
        yield optuna.load_study(study_name=name, storage=storage.optuna)
    finally:
        storage.close()


def _require_own(folder: Path) -> None:
    """Raise a ValueError where what would be written is not the run's own, or not the user's."""
    study, _ = names_of(folder)
    if study:
        # Files of this machine, too, which anybody's folder may name to be read.
        trusting.require(folder, {"study": study}, trust=False)
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        refuse_link(folder / name)
