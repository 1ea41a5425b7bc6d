"""What is nested more deeply than Python reads is damaged: a line, and no traceback."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
from damage import in_one_line, look
from runs import a_request

from optcell_search.dashboard.views import FILE, views_of
from optcell_search.ledger import folder as folders
from optcell_search.ledger.format import TASK_FILE
from optcell_search.results.no_input import chance
from optcell_search.table.schema import HEAD, head_of
from optcell_search.tuning import task_file
from optcell_search.tuning.cluster import data_transfer

DEEP = "[" * 5000 + "]" * 5000


def test_a_study(folder: Path) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute(
        "UPDATE trial_user_attributes SET value_json = ? WHERE key = 'metrics'", (DEEP,)
    )
    connection.commit()
    connection.close()
    assert in_one_line(lambda: look(folder))


def test_what_stands_beside_it(tiny: str, tmp_path: Path) -> None:
    for name in (TASK_FILE, FILE, "log"):
        (tmp_path / name).write_text(DEEP)
    assert views_of(tmp_path) == {}
    with pytest.raises(ValueError, match="damaged: maximum recursion"):
        task_file.read(tmp_path, a_request(tiny))
    with pytest.raises(ValueError, match="damaged: maximum recursion"):
        chance(tmp_path, {})
    with pytest.raises(ValueError, match="is no journal of Optuna's"):
        folders.check_study(f"journal://{tmp_path}/log")


def test_a_table_and_a_transfer() -> None:
    with pytest.raises(ValueError, match="is no JSON: maximum recursion"):
        head_of(pa.schema([], metadata={HEAD: DEEP.encode()}), Path("x.parquet"))
    with pytest.raises(ValueError, match=r"store: .* is damaged"):
        data_transfer._read_list(DEEP.encode(), "store")
