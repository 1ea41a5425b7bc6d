"""Every shipped table: that it is whole, can be asked without data, and says what it is."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

import optcell_search.table
from optcell_search import results, tasks
from optcell_search.ledger.format import epochs_in
from optcell_search.space import Candidate, SearchSpace, is_plain
from optcell_search.table import Table
from optcell_search.table.order import low_discrepancy
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.specs import parts_of

DATA = Path(optcell_search.table.__file__).parent / "data"
MOST_BYTES = 20 * 10**6


@pytest.fixture(scope="module", params=Table.names())
def table(request: pytest.FixtureRequest) -> Table:
    return Table.load(request.param)


@pytest.fixture(scope="module")
def order() -> list[Candidate]:
    """The candidates of the space that the tables are made of, in their order."""
    return low_discrepancy(SearchSpace.load("table"))


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody read what candidates were trained on."""

    def refuse(self: LoadedTask, *args: Any, **named: Any) -> None:
        raise AssertionError("data were read")

    monkeypatch.setattr(LoadedTask, "__init__", refuse)


def test_it_bears_the_name_of_its_data(table: Table) -> None:
    task, options = parts_of(table.task)
    data = re.sub("[^a-z0-9]", "", options.get("name", task).lower())
    assert table.name.replace("_", "") == data
    assert re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", table.name)


def test_its_candidates_are_the_first_of_the_space_each_with_all_seeds(
    table: Table, order: list[Candidate]
) -> None:
    # A space written before a setting was there has its default.
    assert table.space.to_dict() == SearchSpace.load("table").to_dict()
    # In whatever order: a table that has grown holds first what it held before.
    assert set(table.candidates) == set(order[: len(table.candidates)])
    pairs = {(candidate.key, seed) for candidate in table.candidates for seed in table.seeds}
    assert set(table.rows.index) == pairs
    assert len(table.rows) == len(table)
    assert table.seeds == tuple(range(table.head["seeds"])) == (0, 1, 2)
    # What all others are measured by is held whatever else is.
    assert {one for one in table.space.grid(100) if is_plain(one)} <= set(table.candidates)


def test_its_curves_are_whole_and_its_test_scores_apart(table: Table) -> None:
    primary = next(iter(table.metrics))
    for candidate in table.candidates:
        for seed in table.seeds:
            row = table.rows.index[candidate.key, seed]
            failed = bool(table.rows.failure(row)[0])
            assert (table.rows.epochs(row) < table.epochs) == failed
            seconds = table.rows.seconds(row)
            assert len(seconds) == table.rows.epochs(row) + failed
            assert seconds == sorted(seconds)
            scores = table.test(candidate, seed)
            assert scores.keys() == {*table.metrics, "loss"}
            assert math.isnan(scores[primary]) == failed
            for epoch in (1, table.rows.epochs(row)):
                answer = table.query(candidate, epoch, seed)
                assert all(map(math.isfinite, answer.values()))
                assert not any("test" in name for name in answer)


@pytest.mark.usefixtures("no_data")
def test_it_is_asked_and_searched_where_its_data_are_not(table: Table) -> None:
    for candidate in table.space.grid(table.space.size or 0)[::50]:
        table.query(table.nearest(candidate))
    objectives = [next(iter(table.metrics)), "parameters"]
    run = table.simulate(trials=12, workers=4, seed=1, objectives=objectives)
    assert len(run.results()) == 12
    assert len(run.pareto()) >= 1
    assert run.report().is_file()
    for trial in results.load(run.directory).get_trials(deepcopy=False):
        for metrics in epochs_in(trial.user_attrs).values():
            assert not any("test" in name for name in metrics)


def test_it_was_made_of_the_data_that_are_here(table: Table) -> None:
    try:
        task = tasks.load(table.task)
    except (FileNotFoundError, ValueError) as error:
        pytest.skip(f"the data are not here: {error}")
    assert task.fingerprint == table.head["fingerprint"]
    assert task.metrics == table.metrics


def test_it_has_checksums(table: Table, tmp_path: Path) -> None:
    whole = (DATA / f"{table.name}.parquet").read_bytes()
    middle = len(whole) // 2
    stretch = bytes(byte ^ 0x5A for byte in whole[middle : middle + 400])
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(whole[:middle] + stretch + whole[middle + 400 :])
    with pytest.raises(ValueError, match=r"damaged\.parquet: no sound Parquet file: "):
        Table.load(damaged)


def test_it_is_small_and_has_a_card(table: Table) -> None:
    file = DATA / f"{table.name}.parquet"
    assert file.stat().st_size < MOST_BYTES
    card = file.with_suffix(".md").read_text(encoding="utf-8")
    for said in (
        f"# Table `{table.name}`",
        f"{len(table.candidates)} of {table.space.size} candidates",
        f"= {len(table)} trainings",
        f"`{table.task}`, {table.epochs} epochs",
        table.head["fingerprint"],
        f"{table.head['processor_hours']:.2f} processor hours",
        f"{file.stat().st_size / 1e6:.2f} MB",
        "**Licence**: Apache-2.0",
        *(f"{name} {version}" for name, version in table.head["versions"].items()),
    ):
        assert said in card
