"""Files of tables: what is damaged, or is none, is told from what was written."""

from __future__ import annotations

import json
import math
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
        "seconds": row["seconds"],
        **{f"validation.{name}": values for name, values in row["validation"].items()},
    }  # fmt: skip
    known = {name: [value] for name, value in {**plain, **columns}.items() if value is not None}
    said = head if isinstance(head, bytes) else json.dumps(head or {"format": 1, **head_of(space)})
    return pa.table(known).replace_schema_metadata({b"optcell_search": said})


def said(**head: Any) -> pa.Table:
    """A table of one row that says something else of itself."""
    return odd(head={"format": 1, **head_of(SearchSpace.load("smoke")), **head})


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
        (odd(**{"validation.loss": None}), "has no column 'validation.loss'"),
        (odd(**{"validation.latency_ms": None}), "has no column 'validation.latency_ms'"),
        (odd(**{"validation.loss": [1.0, None]}), "column 'validation.loss' has gaps in its lists"),
        (said(epochs=0), "epochs = 0; valid: 1 or more"),
        (said(metrics={}), "metrics = {}; valid: those of the task"),
        (said(metrics={"accuracy": "max"}), "metrics = .*; valid: .* 'maximize' or 'minimize'"),
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


def set_curves(part: str, name: str, values: list[float]) -> Any:
    return lambda row: row[part].update({name: values})


FINITE = r"seconds = \[.*; valid: finite, from 0 on, never going back"
WHOLE = "valid: 9 without a reason why it failed, or fewer with one"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_curves("validation", "accuracy", [0.5] * 5), "validation.accuracy has 5 numbers; val"),
        (set_curves("validation", "accuracy", []), "validation.accuracy has 0 numbers; valid: 9"),
        (set_curves("validation", "extra", [0.5] * 8), "validation.extra has 8 numbers; valid: 9"),
        (set_curves("train", "loss", [0.5] * 10), "train.loss has 10 numbers; valid: 9, one an"),
        (set_curves("validation", "epoch", [1.0] * 5), f"5 epochs, reason = ''; {WHOLE}"),
        (set_curves("validation", "epoch", [1.0] * 10), f"10 epochs, reason = ''; {WHOLE}"),
        (lambda row: row.update(reason="diverged"), f"9 epochs, reason = 'diverged'; {WHOLE}"),
        (lambda row: row["seconds"].pop(), "8 seconds; valid: 9, the end of each epoch"),
        (lambda row: row.update(seconds=[-1.0] * 9), FINITE),
        (lambda row: row.update(seconds=[1.0, math.nan] + [3.0] * 7), FINITE),
        (lambda row: row.update(seconds=[math.inf] * 9), FINITE),
        (lambda row: row.update(seconds=[2.0, 1.0] + [3.0] * 7), FINITE),
        (lambda row: row.update(seconds=[1e300] * 9), "seconds = .*; valid: up to 1.6"),
        (lambda row: row.update(gradients=[]), r"gradients = \[\]; valid: a table"),
        (lambda row: row.update(gradients={"x": 1.0}), "'x' is no number"),
    ],
)  # fmt: skip
def test_a_row_that_no_training_gives_is_refused_with_file_and_row(
    tmp_path: Path, change: Any, message: str
) -> None:
    space = SearchSpace.load("smoke")
    candidates = [space.sample(one) for one in range(2)]
    rows = [made_up_row(candidate, seed) for candidate in candidates for seed in range(3)]
    change(rows[4])
    path = tmp_path / "some.parquet"
    write_rows(path, head_of(space), rows)
    where = f"{path}: candidate {candidates[1].key}, seed 1"
    with pytest.raises(ValueError, match=f"^{where}: {message}"):
        Table.load(path)


def test_a_training_that_failed_has_one_end_more(tmp_path: Path) -> None:
    space = SearchSpace.load("smoke")
    row = made_up_row(space.sample(0), 0, diverges=True)
    row["seconds"].pop()
    write_rows(tmp_path / "some.parquet", head_of(space), [row])
    with pytest.raises(ValueError, match=r"3 seconds; valid: 4, .* and that of the failure"):
        Table.load(tmp_path / "some.parquet")


def test_candidates_are_those_of_their_keys(tmp_path: Path) -> None:
    space, path = SearchSpace.load("smoke"), tmp_path / "some.parquet"
    rows = [made_up_row(space.sample(one), seed) for one in (0, 1) for seed in (0, 1)]
    first, second = rows[0], rows[2]
    write_rows(path, head_of(space), [*rows[:3], {**rows[3], "candidate": first["candidate"]}])
    with pytest.raises(ValueError, match=f"^{path}: rows of one key are of several candidates"):
        Table.load(path)
    same = [{**row, "candidate": first["candidate"]} for row in rows]
    write_rows(path, head_of(space), same)
    said = f"^{path}: candidate {second['key']} is another one; valid: key {first['key']}"
    with pytest.raises(ValueError, match=said):
        Table.load(path)
    write_rows(path, head_of(space), [{**row, "candidate": []} for row in rows])
    with pytest.raises(ValueError, match=rf"^{path}: candidate {first['key']} = \[\]; valid: "):
        Table.load(path)


def test_a_number_that_some_candidates_do_not_have_is_nowhere_read_off_others(
    tmp_path: Path,
) -> None:
    space = SearchSpace.load("smoke")
    candidates = [space.sample(one) for one in range(2)]
    rows = [made_up_row(candidate, 0) for candidate in candidates]
    rows[1]["validation"]["extra"] = [float(epoch) for epoch in range(9)]
    write_rows(tmp_path / "some.parquet", head_of(space), rows)
    table = Table.load(tmp_path / "some.parquet")
    assert "extra" not in table.query(candidates[0], epoch=3)
    assert table.query(candidates[1], epoch=3)["extra"] == 2.0
