"""Finding and opening the study of a run folder or of a URL, to read and for nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from optcell_search.space.files import parse

from . import trust as trusting
from .format import DATABASE, JOURNAL, REQUEST, REQUEST_FILE, RUN_ID, check_finalized
from .storage.names import refuse_link
from .storage.passwords import without_password
from .trials.attributes import check_numbers, check_study

# Optuna and what it needs take half a second to import; `snapshot` reads most ledgers without.
if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


def load(where: str | Path, *, trust: bool = False) -> optuna.Study:
    """Open a study as `open_study` does, and read all its trials once.

    Raises:
        FileNotFoundError, ValueError: as `open_study`; or a trial cannot be read.
    """
    study = open_study(where, trust=trust)
    with _in_words(without_password(str(where))):
        # Optuna keeps what has ended, so that reading it again costs little.
        trials = study.get_trials(deepcopy=False)
    check_numbers([trial.number for trial in trials], str(where))
    check_finalized(study.user_attrs, len(trials), str(where))
    return study


def open_study(where: str | Path, *, trust: bool = False) -> optuna.Study:
    """Open the ledger of a run folder, or the study at an Optuna URL; nothing is changed by it.

    Args:
        where: a run folder, or a URL such as ``sqlite:///study.db`` or ``journal:///log``; a URL
            whose database holds several studies names one after a ``#``:
            ``postgresql://host/db#run-7``.
        trust: use the database that the folder names outside of itself (see `trust`).

    Raises:
        FileNotFoundError: the folder holds no run, or the URL's file is not there.
        ValueError: the database is not readable, or holds no study or several, or the study was
            not written by a search.
    """
    import optuna

    from .storage.storage import quiet_optuna, storage_for_reading

    url, name = locate(where, trust=trust)
    text = without_password(str(where))
    quiet_optuna()
    with _in_words(text):
        storage = storage_for_reading(url)
        name = _chosen(storage, name, text)
        study = optuna.load_study(study_name=name, storage=storage)
        attributes = study.user_attrs
    if REQUEST not in attributes:
        raise ValueError(f"{text}: study {name!r} holds no request, so no search wrote it")
    check_study(attributes, text)
    return study


@contextlib.contextmanager
def _in_words(text: str) -> Iterator[None]:
    """Turn what Optuna raises of a damaged study into a ValueError of one line."""
    from .storage.storage import DAMAGE, STORAGE_ERRORS, said

    try:
        yield
    except FileNotFoundError:
        raise
    except (
        *STORAGE_ERRORS,
        *DAMAGE,
        ImportError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"{text}: not a readable Optuna study: {said(error)}") from error


def _chosen(storage: BaseStorage, name: str, text: str) -> str:
    names = sorted(study.study_name for study in storage.get_all_studies())
    if not name and len(names) == 1:
        return names[0]
    if name not in names:
        valid = ", ".join(names) or "none, the database is empty"
        raise ValueError(f"{text}: holds no study {name!r}; name one after '#'; valid: {valid}")
    return name


def locate(where: str | Path, *, trust: bool = False) -> tuple[str, str]:
    """Return the URL of a ledger and the name of its study, empty where the database holds one.

    Args:
        where, trust: as for `load`.

    Raises:
        FileNotFoundError, ValueError: the folder holds no run, or a damaged one, or its ledger
            lies outside of it, at a place that nobody has trusted.
    """
    text = str(where)
    if "://" in text:
        # A path may hold a '#', too; the name of a study holds no '/'.
        url, mark, name = text.rpartition("#")
        return (url, name) if mark and "/" not in name else (text, "")
    return _of_folder(Path(where), trust=trust)


def names_of(folder: Path, *, trust: bool = False) -> tuple[str, str]:
    """Return the study that a run folder's ``run.toml`` names outside of it, and the run's name.

    Both are empty where it names none, or is not there.

    Raises:
        ValueError: it is damaged, or what it names has not been trusted.
    """
    request = folder / REQUEST_FILE
    if not request.is_file():
        return "", ""
    asked: dict[str, object] = parse(request.read_bytes(), str(request))
    study, name = str(asked.get("study") or ""), str(asked.get(RUN_ID, ""))
    if study:
        trusting.require(folder, trusting.contacted({"study": study}), trust=trust)
    return study, name


def _of_folder(folder: Path, *, trust: bool) -> tuple[str, str]:
    """Return URL and name of a run folder's study; no name where the database holds just one."""
    study, name = names_of(folder, trust=trust)
    if study:
        return study, name
    database = folder / DATABASE
    if not database.is_file():
        if (folder / REQUEST_FILE).is_file():
            raise ValueError(f"{folder}: the ledger {DATABASE} is missing")
        raise FileNotFoundError(f"{folder}: no run here, {database.name} is missing")
    refuse_link(database)
    import sqlalchemy

    # Built rather than pasted: a folder's name may hold characters that a URL gives a meaning.
    url = sqlalchemy.URL.create("sqlite", database=str(database.absolute()))
    return url.render_as_string(hide_password=False), name


def is_journal(url: str) -> bool:
    """Whether a URL is that of a file in Optuna's journal format."""
    return url.startswith(JOURNAL)
