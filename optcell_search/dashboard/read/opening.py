"""Which reader suits which storage."""

from __future__ import annotations

from pathlib import Path

import optuna

from ... import results
from ...ledger.reading import is_journal, open_study
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
