"""Damage done to the study.db of a run folder: to its bytes, its tables, its values."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

_VALUES = ["", "null", "3", '"x"', "[]", "{}", "{", "NaN", "[[[[", '{"number": 1}', '{"loss": "x"}',
           '{"name": ["x"]}', '{"cell": {"name": "../x"}}', "x" * 10_000]  # fmt: skip


def damage_bytes(folder: Path, chance: random.Random) -> str:
    """Cut the file, fill pages with NUL, flip bytes, or put something else in its place."""
    path = folder / "study.db"
    content = bytearray(path.read_bytes())
    kind = chance.choice(["cut", "page", "flips", "empty", "text", "folder", "pipe", "missing"])
    if kind == "page":
        page = chance.randrange(len(content) // 4096) * 4096
        content[page : page + 4096] = bytes(4096)
    elif kind == "flips":
        for _ in range(50):
            content[chance.randrange(len(content))] = chance.randrange(256)
    elif kind == "cut":
        del content[chance.randrange(len(content)) :]
    elif kind == "empty":
        content.clear()
    elif kind == "text":
        content[:] = b"no database\n" * 100
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_bytes(content)
    return f"study.db: {kind}"


def _sql(statement: str) -> Callable[[Path, random.Random], str]:
    def change(folder: Path, chance: random.Random) -> str:
        value = chance.choice(_VALUES)
        connection = sqlite3.connect(folder / "study.db")
        connection.execute(statement, (value,) if "?" in statement else ())
        connection.commit()
        connection.close()
        return f"{statement} [{value:.30}]"

    return change


def another_study(folder: Path, chance: random.Random) -> str:
    """Add a second study."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="other", storage=f"sqlite:///{folder / 'study.db'}")
    return "a second study"


def side_files(folder: Path, chance: random.Random) -> str:
    """Put a garbled log beside the database."""
    name = chance.choice(["study.db-wal", "study.db-shm", "study.db-journal"])
    (folder / name).write_bytes(bytes(chance.randrange(256) for _ in range(5000)))
    return f"garbled {name}"


def copied(folder: Path, chance: random.Random) -> str:
    """Put another run's database in its place."""
    other = folder.parent / ("half" if chance.random() < 0.5 else "sound")
    shutil.copy(other / "study.db", folder / "study.db")
    return f"study.db of {other.name}"


CHANGES = [
    damage_bytes, damage_bytes, another_study, side_files, copied,
    _sql("UPDATE trials SET datetime_start = NULL, datetime_complete = NULL"),
    _sql("UPDATE trials SET datetime_start = ?"),
    _sql("UPDATE trials SET datetime_complete = '2001-01-01 00:00:00.000000'"),
    _sql("UPDATE trials SET state = 'RUNNING'"),
    _sql("UPDATE trials SET state = ?"),
    _sql("UPDATE trials SET number = 7 WHERE number = 1"),
    _sql("DELETE FROM trials WHERE number = 0"),
    _sql("UPDATE version_info SET schema_version = 99"),
    _sql("UPDATE alembic_version SET version_num = 'v9.9.9'"),
    _sql("DELETE FROM version_info"),
    _sql("UPDATE trial_values SET value = NULL"),
    _sql("UPDATE trial_values SET value_type = 'INF_NEG'"),
    _sql("DELETE FROM trial_values"),
    _sql("UPDATE trial_user_attributes SET value_json = ? WHERE key = 'candidate'"),
    _sql("UPDATE trial_user_attributes SET value_json = ? WHERE key = 'metrics'"),
    _sql("UPDATE trial_user_attributes SET value_json = ? WHERE key = 'seed'"),
    _sql("UPDATE trial_user_attributes SET value_json = ? WHERE key = 'gradients'"),
    _sql("UPDATE trial_user_attributes SET value_json = ? WHERE key = 'epoch:0001'"),
    _sql("UPDATE trial_user_attributes SET key = 'epoch:x' WHERE key = 'epoch:0001'"),
    _sql("UPDATE trial_user_attributes SET value_json = ?"),
    _sql("UPDATE study_user_attributes SET value_json = ? WHERE key = 'request'"),
    _sql("UPDATE study_user_attributes SET key = 'finalized:1', value_json = ? WHERE key='run_id'"),
    _sql("UPDATE study_user_attributes SET key = 'finalized:x' WHERE key='run_id'"),
    _sql("UPDATE study_directions SET direction = 'MINIMIZE'"),
    _sql("DELETE FROM study_directions"),
    _sql("UPDATE trial_params SET distribution_json = ?"),
    _sql("DROP TABLE trial_user_attributes"),
    _sql("UPDATE studies SET study_name = ?"),
]  # fmt: skip
