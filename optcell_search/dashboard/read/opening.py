"""Which reader suits which storage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import optuna

from ... import results
from ...ledger.reading import is_journal, open_study
from ...ledger.storage import LedgerStorage, storage_for_reading
from .api import ApiSource
from .source import Source
from .sql import SqlSource, has_known_tables


def open_source(where: str | Path | optuna.Study) -> Source:
    """Return what reads a run folder, the study at a URL, or an opened study.

    Raises:
        FileNotFoundError, ValueError: there is no such run (see `results.load`).
    """
    if isinstance(where, optuna.Study):
        return ApiSource(where)
    study = open_study(where)
    url, _ = results.locate(where)
    if is_journal(url) or not has_known_tables(url):
        return ApiSource(study)
    return SqlSource(url, study.study_name)


@contextlib.contextmanager
def study_to_write(where: str | Path | optuna.Study) -> Iterator[optuna.Study]:
    """Open a study for adding to its user attributes; raises as `open_source`."""
    if isinstance(where, optuna.Study):
        yield where
        return
    name = results.load(where).study_name
    url, _ = results.locate(where)
    if is_journal(url):
        # As it is: the end of a journal that a search writes at this moment is not to be mended.
        yield optuna.load_study(study_name=name, storage=storage_for_reading(url))
        return
    storage = LedgerStorage(url)
    try:
        yield optuna.load_study(study_name=name, storage=storage.optuna)
    finally:
        storage.close()
