"""Files of tables: what is damaged, or is none, is told from what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import head_of, made_up, made_up_row

from optcell_search.space import SearchSpace
from optcell_search.table import Table
from optcell_search.table.rows import Rows, write_rows


def test_damage_is_told_and_gives_no_other_numbers(tmp_path: Path) -> None:
    table = made_up(tmp_path / "some.parquet", held=40, diverging=2)
    rows = [table.rows.row(number) for number in range(len(table.rows))]
    whole, damaged = (tmp_path / "some.parquet").read_bytes(), tmp_path / "damaged.parquet"
    told = []
    # A stretch in the data, wherever it begins; what the file says of them comes last.
    places = range(4, len(whole) // 2, len(whole) // 60)
    for place in places:
        stretch = bytes(byte ^ 0x5A for byte in whole[place : place + 40])
        damaged.write_bytes(whole[:place] + stretch + whole[place + 40 :])
        try:
            found = Rows(damaged)
        except ValueError as error:
            told.append(str(error))
        else:
            # What it hit is not looked at, such as the least value of a page.
            assert [found.row(number) for number in range(len(found))] == rows
    assert len(told) > 0.9 * len(places)
    assert all(text.startswith(f"{damaged}: no sound") and "\n" not in text for text in told)


def odd(head: object = None, **columns: Any) -> pa.Table:
    """A table of one row, with another head or other columns; None: without that column."""
    space = SearchSpace.load("smoke")
    row = made_up_row(space.sample(0), 0)
    plain: dict[str, Any] = {
        "key": row["key"], "reason": "", "detail": "", "made": row["made"], "seed": 0,
        "candidate": json.dumps(row["candidate"]), "gradients": json.dumps(row["gradients"]),
        "seconds": row["seconds"], "validation.epoch": row["validation"]["epoch"],
    }  # fmt: skip
    known = {name: [value] for name, value in {**plain, **columns}.items() if value is not None}
    said = head if isinstance(head, bytes) else json.dumps(head or {"format": 1, **head_of(space)})
    return pa.table(known).replace_schema_metadata({b"optcell_search": said})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (odd(head=b"{no"), "what it says of its table is no JSON: "),
        (odd(head=[1, 2]), r"says \[1, 2\] of its table; valid: names and values"),
        (odd(head={"format": 1, "task": 3}), "task = 3; valid: a text"),
        (odd(head={"format": 1, "task": "digits"}), "fingerprint = None; valid: a text"),
        (odd(gradients=None), "has no column 'gradients'"),
        (odd(seed="0"), "column 'seed' is of string; valid: int64"),
        (odd(**{"validation.loss": 0.5}), "column 'validation.loss' is of double; valid: list"),
        (odd(**{"validation.epoch": None}), "has no column 'validation.epoch'"),
    ],
)
def test_an_odd_file_is_refused_by_name(tmp_path: Path, table: pa.Table, message: str) -> None:
    path = tmp_path / "odd.parquet"
    pq.write_table(table, path)
    with pytest.raises(ValueError, match=f"odd.parquet: {message}"):
        Table.load(path)


def test_the_file_that_odd_ones_are_made_of_is_none(tmp_path: Path) -> None:
    pq.write_table(odd(), tmp_path / "even.parquet")
    assert len(Table.load(tmp_path / "even.parquet")) == 1


@pytest.mark.parametrize("seeds", [[(0, 0), (1, 0), (1, 1)], [(0, 0), (0, 0)], []])
def test_rows_are_whole(tmp_path: Path, seeds: list[tuple[int, int]]) -> None:
    space = SearchSpace.load("smoke")
    rows = [made_up_row(space.sample(one), seed) for one, seed in seeds]
    write_rows(tmp_path / "some.parquet", head_of(space), rows)
    message = "has no column 'validation.epoch'" if not rows else "one row of every seed"
    with pytest.raises(ValueError, match=message):
        Table.load(tmp_path / "some.parquet")
