"""What a table is asked for, and what it answers."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import EPOCHS, SEEDS, made_up, made_up_row

from optcell_search.space import Candidate, SearchSpace
from optcell_search.table import Table
from optcell_search.table.rows import write_rows


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return made_up(tmp_path_factory.mktemp("tables") / "some.parquet", held=40, diverging=2)


def test_it_holds_what_was_written(table: Table) -> None:
    assert len(table.candidates) == 40
    assert len(table) == 40 * SEEDS
    assert table.seeds == (0, 1, 2)
    for candidate in table.candidates[:38]:
        for seed in table.seeds:
            row = made_up_row(candidate, seed)
            number = table.rows.index[candidate.key, seed]
            assert table.rows.row(number) == row
            assert table.rows.seconds(number) == row["seconds"]
            assert table.rows.gradients(number) == {int(d): g for d, g in row["gradients"].items()}
            assert table.test(candidate, seed) == row["test"]
            for epoch in (1, 4, EPOCHS):
                answer = table.query(candidate, epoch=epoch, seed=seed)
                expected = {name: column[epoch - 1] for name, column in row["validation"].items()}
                expected["train_accuracy"] = row["train"]["accuracy"][epoch - 1]
                assert answer == expected | {"seconds": row["seconds"][epoch - 1]}


def test_the_last_epoch_is_what_is_asked_for_without_one(table: Table) -> None:
    candidate = table.candidates[0]
    assert table.query(candidate) == table.query(candidate, epoch=EPOCHS)


def test_a_question_takes_less_than_a_millisecond_of_processor(table: Table) -> None:
    candidate = table.candidates[0]
    began = time.process_time()
    for _ in range(200):
        table.query(candidate, epoch=7, seed=1)
    assert time.process_time() - began < 0.2


def test_test_scores_are_no_answer_of_query(table: Table) -> None:
    candidate = table.candidates[0]
    scores = set(table.test(candidate).values())
    for epoch in range(1, EPOCHS + 1):
        answer = table.query(candidate, epoch=epoch)
        assert not any("test" in name for name in answer)
        assert not scores & set(answer.values())


def test_what_diverged_has_its_epochs_and_says_so(table: Table) -> None:
    candidate = table.candidates[-1]
    assert table.query(candidate)["epoch"] == 3
    row = made_up_row(candidate, 2, diverges=True)
    assert table.rows.row(table.rows.index[candidate.key, 2]) == row
    with pytest.raises(ValueError, match="epoch = 4; valid: 1 to 3, where it diverged"):
        table.query(candidate, epoch=4)


@pytest.mark.parametrize("epoch", [0, -1, EPOCHS + 1])
def test_epochs_begin_with_one(table: Table, epoch: int) -> None:
    with pytest.raises(ValueError, match=f"epoch = {epoch}; valid: 1 to {EPOCHS}"):
        table.query(table.candidates[0], epoch=epoch)


@pytest.mark.parametrize("epoch", [7.0, "7", True, float("nan")])
def test_epochs_are_integers(table: Table, epoch: Any) -> None:
    with pytest.raises(ValueError, match=rf"epoch = {epoch!r}; valid: 1 to {EPOCHS}"):
        table.query(table.candidates[0], epoch=epoch)
    assert table.query(table.candidates[0], np.int64(7)) == table.query(table.candidates[0], 7)


@pytest.mark.parametrize("seed", [3, -1, 1.0, "1", True, None, [1]])
def test_other_seeds_are_refused(table: Table, seed: Any) -> None:
    message = re.escape(f"seed = {seed!r}; valid in table some: 0, 1, 2")
    for ask in (table.query, table.test):
        with pytest.raises(ValueError, match=message):
            ask(table.candidates[0], seed=seed)


def test_what_is_no_candidate_is_refused(table: Table) -> None:
    candidate = table.candidates[0]
    for ask in (table.query, table.test, table.holds, table.nearest):
        for no_candidate in (candidate.key, candidate.to_dict(), None):
            with pytest.raises(
                ValueError, match=r"candidate = .*; valid: a Candidate, such as one"
            ):
                ask(no_candidate)  # type: ignore[operator]


def test_rows_know_their_epochs(table: Table) -> None:
    # An epoch beside them is a number of the row before or behind.
    for part in ("validation", "train"):
        for epoch in (0, -1, EPOCHS + 1):
            with pytest.raises(ValueError, match=f"epoch = {epoch}; valid: 1 to {EPOCHS}"):
                table.rows.at(part, 5, epoch)


@pytest.mark.parametrize("count", [0, -5, 1.5, True])
def test_the_first_candidates_are_one_or_more(table: Table, count: Any) -> None:
    with pytest.raises(ValueError, match=f"count = {count}; valid: integers, 1 or more"):
        table.first(count)
    assert table.first(10**6).candidates == table.candidates


def absent(table: Table) -> list[Candidate]:
    return [c for c in table.space.grid(100) if not table.holds(c)]


def test_what_is_not_held_is_refused_and_has_a_neighbour(table: Table) -> None:
    missing = absent(table)
    assert len(missing) == (table.space.size or 0) - 40
    with pytest.raises(ValueError, match="nearest"):
        table.query(missing[0])
    for candidate in missing:
        near = table.nearest(candidate)
        assert table.holds(near)
        alike = [
            c for c in table.candidates if (c.cell, c.rule) == (candidate.cell, candidate.rule)
        ]
        assert near in alike
        assert _apart(candidate, near) == min(_apart(candidate, other) for other in alike)


def _apart(one: Candidate, other: Candidate) -> float:
    """The distance that the docstring of `Nearest` gives, for the ranges of the made-up space."""
    a, b = one.flat(), other.flat()
    widths = {"gd.s": 1.25, "heavy_ball.mu": 0.8, "heavy_ball.s": 0.75}
    squares = ((float(a[n]) - float(b[n])) / w for n, w in widths.items() if n in a)
    choices = [n for n in ("adam.beta", "model.hidden_size", "training.lr") if n in a]
    return round(sum(s * s for s in squares) + sum(a[n] != b[n] for n in choices), 9)


def test_what_is_held_stands_for_itself(table: Table) -> None:
    assert all(table.nearest(candidate) == candidate for candidate in table.candidates)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gd.s": 0.3}, r"gd\.s = 0\.3; valid in table some: {'low': 0\.25, 'high': 1\.5, 'step"),
        ({"gd.s": 5.0}, r"gd\.s = 5\.0; valid in table some: {'low': 0\.25"),
        ({"training.batch_size": 63}, r"training\.batch_size = 63; valid in table some: \d+"),
    ],
)
def test_values_that_the_space_does_not_hold_are_refused(
    table: Table, changed: dict[str, Any], message: str
) -> None:
    plain = {"cell": "rnn", "rule": "gd", "gd.s": 0.5, "model.hidden_size": 8, "training.lr": 0.01}
    assert table.holds(table.nearest_to(plain))
    with pytest.raises(ValueError, match=message):
        table.nearest_to({**plain, **changed})


def test_steps_that_were_added_up_are_the_steps(table: Table) -> None:
    values = {"cell": "rnn", "rule": "heavy_ball", "heavy_ball.s": 0.5, "model.hidden_size": 8,
              "training.lr": 0.01}  # fmt: skip
    near = table.nearest_to({**values, "heavy_ball.mu": 0.2 * 3})
    assert 0.2 * 3 != 0.6
    assert near == table.nearest_to({**values, "heavy_ball.mu": 0.6})


def test_a_candidate_of_another_space_has_no_neighbour(table: Table) -> None:
    with pytest.raises(ValueError, match="is not in the space of table some"):
        table.nearest(SearchSpace.load("smoke").sample(0))


def test_unknown_tables_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown table 'digitz'; valid: "):
        Table.load("digitz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        Table.load(tmp_path / "nowhere.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("no table")
    with pytest.raises(ValueError, match="no sound Parquet file"):
        Table.load(text)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="holds no table of trained candidates"):
        Table.load(tmp_path / "other.parquet")


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    table = made_up(tmp_path / "new.parquet", held=2)
    row = made_up_row(table.candidates[0], 0)
    write_rows(tmp_path / "later.parquet", table.head | {"format": 2}, [row])
    with pytest.raises(ValueError, match="has format 2; this version reads 1"):
        Table.load(tmp_path / "later.parquet")
