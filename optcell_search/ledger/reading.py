"""Finding the study of a run folder or of a URL."""

from __future__ import annotations

import tomllib
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend

from .format import DATABASE, JOURNAL, REQUEST, REQUEST_FILE, RUN_ID


def load(where: str | Path) -> optuna.Study:
    """Open the ledger of a run folder, or the study at an Optuna URL.

    Args:
        where: a run folder, or a URL such as ``sqlite:///study.db`` or ``journal:///log``; a URL
            whose database holds several studies names one after a ``#``:
            ``postgresql://host/db#run-7``.

    Raises:
        FileNotFoundError: the folder holds no run, or the URL's file is not there.
        ValueError: the database is not readable, or holds no study or several, or the study was
            not written by a search.
    """
    text = str(where)
    url, name = locate(where)
    try:
        storage = _storage(url)
        names = sorted(study.study_name for study in storage.get_all_studies())
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        raise ValueError(f"{text}: not a readable Optuna study ({type(error).__name__})") from error
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        valid = ", ".join(names) or "none, the database is empty"
        raise ValueError(f"{text}: no study {name!r}; name one after '#'; valid: {valid}")
    study = optuna.load_study(study_name=name, storage=storage)
    if REQUEST not in study.user_attrs:
        raise ValueError(f"{text}: study {name!r} holds no request, so no search wrote it")
    return study


def locate(where: str | Path) -> tuple[str, str]:
    """Return the URL of a ledger and the name of its study, empty where the database holds one.

    Args:
        where: as for `load`.

    Raises:
        FileNotFoundError, ValueError: the folder holds no run, or a damaged one.
    """
    text = str(where)
    if "://" in text:
        url, _, name = text.partition("#")
        return url, name
    return _of_folder(Path(where))


def _storage(url: str) -> BaseStorage:
    """Open what is there; both kinds of file would otherwise be made."""
    journal = url.startswith(JOURNAL)
    file = url.removeprefix(JOURNAL) if journal else _sqlite_file(url)
    if file and not Path(file).is_file():
        raise FileNotFoundError(f"{url}: no such file")
    if journal:
        return JournalStorage(JournalFileBackend(file))
    return get_storage(url)


def _sqlite_file(url: str) -> str:
    parsed = sqlalchemy.make_url(url)
    return parsed.database or "" if parsed.get_backend_name() == "sqlite" else ""


def _of_folder(folder: Path) -> tuple[str, str]:
    """Return URL and name of a run folder's study; no name where the database holds just one."""
    request = folder / REQUEST_FILE
    if request.is_file():
        try:
            asked = tomllib.loads(request.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{request}: not a TOML file: {error}") from error
        if asked.get("study"):
            return str(asked["study"]), str(asked.get(RUN_ID, ""))
    database = folder / DATABASE
    if not database.is_file():
        raise FileNotFoundError(f"{folder}: no run here, {database.name} is missing")
    # Built rather than pasted: a folder's name may hold characters that a URL gives a meaning.
    return str(sqlalchemy.URL.create("sqlite", database=str(database))), ""
