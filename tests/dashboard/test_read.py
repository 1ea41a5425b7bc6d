"""The fast way of reading a ledger says what Optuna's own does, and reads only what is new."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pandas as pd
import pytest
from ledgers import START, Ledger, candidate, in_folder
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from optcell_search import results
from optcell_search.dashboard.read import Board, open_source
from optcell_search.dashboard.read.api import ApiSource
from optcell_search.dashboard.read.sql import SqlSource, has_known_tables

TWO = {"accuracy": "maximize", "parameters": "minimize"}


def steps(*values: float) -> list[dict[str, float]]:
    return [{"accuracy": value, "parameters": 5.0, "loss": 1 - value} for value in values]


def everything(ledger: Ledger) -> None:
    """Trials of every state, with and without epochs, constraints and repeats."""
    ledger.add([0.9, 5.0], epochs=steps(0.1, 0.9), constraints={"parameters<=50": -45.0})
    ledger.add([0.5, 99.0], of=candidate("gru", "adam"), constraints={"parameters<=50": 49.0})
    ledger.add([0.9, 5.0], duplicate_of=0)
    ledger.add(state=TrialState.PRUNED, epochs=steps(0.3), metrics={"accuracy": 0.3})
    ledger.add(state=TrialState.FAIL, epochs=steps(math.nan), reason="diverged")
    ledger.add(state=TrialState.RUNNING, epochs=steps(0.2, 0.4))
    ledger.study.enqueue_trial({})
    ledger.study.set_user_attr("finalized:0", {"test": {}, "validation": {}, "epochs": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    everything(in_folder(tmp_path / "run", TWO, constraints=["parameters<=50"]))
    return tmp_path / "run"


def test_both_ways_of_reading_say_the_same(folder: Path) -> None:
    study = results.load(folder)
    fast, slow = open_source(folder), ApiSource(study)
    assert isinstance(fast, SqlSource)
    assert fast.attributes() == slow.attributes()
    quick, patient = fast.changes(), slow.changes()
    assert len(quick) == 7
    # NaN equals nothing, so that what holds one is compared as text.
    assert repr(quick) == repr(patient)
    assert repr(fast.curves(range(7))) == repr(slow.curves(range(7)))
    assert list(fast.curves(range(7))) == [0, 3, 4, 5]


def test_the_table_is_that_of_results(folder: Path) -> None:
    board = Board(folder)
    board.refresh()
    expected = results.frame(results.load(folder))
    pd.testing.assert_frame_equal(board.data.table.drop(columns="worker"), expected)
    assert list(board.data.table["worker"])[:2] == ["host:1", "host:1"]


def test_only_what_may_have_changed_is_read_again(folder: Path) -> None:
    for source in (open_source(folder), ApiSource(results.load(folder))):
        assert [row.number for row in source.changes()] == list(range(7))
        assert [row.number for row in source.changes()] == [5, 6]
    ledger = in_folder_again(folder)
    ledger.add([0.7, 3.0])
    source = open_source(folder)
    source.changes()
    ledger.add([0.8, 2.0])
    assert [row.number for row in source.changes()] == [5, 6, 8]


def in_folder_again(folder: Path) -> Ledger:
    ledger = Ledger.__new__(Ledger)
    ledger.objectives = dict(TWO)
    url = f"sqlite:///{folder / 'study.db'}"
    name = results.load(folder).study_name
    ledger.study = optuna.load_study(study_name=name, storage=url)
    return ledger


def test_a_board_counts_what_changed(folder: Path) -> None:
    board = Board(folder)
    assert board.refresh()
    assert not board.refresh()
    assert (board.version, board.finished) == (1, 5)
    study = in_folder_again(folder).study
    running = study.get_trials(deepcopy=False)[5]
    study._storage.set_trial_user_attr(running._trial_id, "epoch:0003", steps(0.6)[0])
    assert board.refresh()
    assert {n for n, version in board.changed.items() if version == 2} == {5}
    assert board.curves([5])[5].epochs == (1, 2, 3)
    assert list(board.curves([5])[5].columns["accuracy"]) == [0.2, 0.4, 0.6]
    study.tell(5, [0.6, 5.0])
    assert board.refresh()
    assert board.data.table["state"][5] == "COMPLETE"
    study.set_user_attr("finalized:5", {"test": {"accuracy": [0.5]}, "validation": {}, "epochs": 1})
    assert board.refresh(), "a finalized trial is news as well"
    assert list(board.data.finalized["number"]) == [5]


def test_studies_of_one_database_are_kept_apart(tmp_path: Path) -> None:
    one = in_folder(tmp_path, TWO, run_id="one")
    other = in_folder(tmp_path, TWO, run_id="other")
    one.add([0.1, 1.0], epochs=steps(0.1))
    other.add([0.2, 2.0], epochs=steps(0.2))
    one.add([0.3, 3.0])
    source = open_source(f"sqlite:///{tmp_path / 'study.db'}#one")
    assert [row.values for row in source.changes()] == [(0.1, 1.0), (0.3, 3.0)]
    assert source.changes() == []


def test_a_journal_is_read_through_optuna(tmp_path: Path) -> None:
    file = tmp_path / "log"
    ledger = Ledger(TWO, JournalStorage(JournalFileBackend(str(file))))
    ledger.add([0.9, 5.0], epochs=steps(0.1, 0.9))
    source = open_source(f"journal://{file}")
    assert isinstance(source, ApiSource)
    assert [row.number for row in source.changes()] == [0]
    assert source.curves([0])[0].epochs == (1, 2)


def test_tables_of_another_form_are_read_through_optuna(folder: Path) -> None:
    import sqlalchemy

    url = f"sqlite:///{folder / 'study.db'}"
    assert has_known_tables(url)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE version_info SET schema_version = 99"))
    engine.dispose()
    assert not has_known_tables(url)


def test_infinite_objectives_are_read_as_such(tmp_path: Path) -> None:
    ledger = in_folder(tmp_path / "run", {"loss": "minimize"})
    trial = create_trial(value=math.inf, user_attrs={"candidate": candidate()})
    trial.datetime_start = START
    ledger.study.add_trial(trial)
    (row,) = open_source(tmp_path / "run").changes()
    assert row.values == (math.inf,)


@pytest.mark.parametrize("number", [1200])
def test_more_trials_than_a_statement_may_name(tmp_path: Path, number: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    import synthetic_run

    folder = synthetic_run.make(tmp_path / "run", number, epochs=2)
    board = Board(folder)
    board.refresh()
    assert len(board.data.table) == number
    assert (
        len(board.curves(range(number)))
        == len(board.trained)
        == int((board.data.table["epochs"] > 0).sum())
    )
