"""A study that is damaged, or somebody's invention, takes one line."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import attacks
import hostile_studies
import optuna
import pytest
from damage import in_one_line, look

from optcell_search import results
from optcell_search.dashboard import write_report
from optcell_search.ledger.format import epochs_in, finalized_in
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.trials.attributes import check_record, whole_number
from optcell_search.ledger.trials.trial_record import TrialRecord
from optcell_search.tuning import Run
from optcell_search.tuning.search.budget import Budget


def test_the_sound_run_is_read(folder: Path) -> None:
    assert not in_one_line(lambda: look(folder))
    assert Run.open(folder).status()["complete"] == 2


@pytest.mark.parametrize("number", range(len(hostile_studies.CHANGES)))
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_study_takes_one_line(number: int, seed: int, folder: Path) -> None:
    other = folder.parent
    for name in ("half", "sound"):
        shutil.copytree(folder, other / name)
    hostile_studies.CHANGES[number](folder, random.Random(f"{number}:{seed}"))
    in_one_line(lambda: look(folder))
    in_one_line(lambda: open_ledger(Request.read(folder), folder).close())


@pytest.mark.parametrize("text", ["", "x", "-1", "1_0", "٣", " 1", "9" * 5000, "0x1"])
def test_numbers_in_keys(text: str) -> None:
    assert whole_number("0003", "epoch") == 3
    with pytest.raises(ValueError, match=r"epoch: .* is no number"):
        whole_number(text, "epoch")
    with pytest.raises(ValueError, match="is no number"):
        epochs_in({f"epoch:{text}": {"accuracy": 1.0}})


def test_scores_without_their_seeds_are_refused() -> None:
    record = {"seeds": [1, 2], "validation": {}, "test": {}, "failed": {}, "epochs": 1}
    check_record("finalized:0", record | {"test": {"accuracy": [0.5, 0.5]}})
    unscored = {"test": {"accuracy": [0.5]}}
    for change in (unscored, {"seeds": "x"}, {"failed": {"1": 2}}, {"others": [record | unscored]}):
        with pytest.raises(ValueError, match="finalized:0"):
            finalized_in({"finalized:0": record | change})


def test_a_clock_that_goes_back_makes_no_negative_time(folder: Path) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute("UPDATE trials SET datetime_complete = '2001-01-01 00:00:00.000000'")
    connection.commit()
    connection.close()
    assert (results.frame(results.load(folder))["seconds"].dropna() == 0).all()


def test_a_second_study_is_answered_alike(folder: Path) -> None:
    optuna.create_study(study_name="other", storage=f"sqlite:///{folder / 'study.db'}")
    assert Run.open(folder).status()["complete"] == 2
    assert len(Run.open(folder).results()) == 3
    ledger = open_ledger(Request.read(folder), folder)
    assert ledger.size == 3
    ledger.close()


def test_a_complete_trial_has_its_values() -> None:
    with pytest.raises(ValueError, match="trial 3: complete, without its values"):
        TrialRecord(3, "COMPLETE", (None,), {}, {}, (), 0, None, None)  # type: ignore[arg-type]


def test_a_locked_study_is_called_that(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optcell_search.ledger.storage.storage.WAIT", 0.1)
    holder = sqlite3.connect(folder / "study.db")
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("UPDATE trials SET number = number")
    try:
        ledger = open_ledger(Request.read(folder), folder)
        with pytest.raises(optuna.exceptions.StorageInternalError) as caught:
            ledger.requeue()
        from optcell_search.ledger.storage.storage import said

        assert said(caught.value) == "database is locked"
        ledger.close()
    finally:
        holder.close()


def edit(folder: Path, statement: str, *values: str) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("value", ["3", "yesterday"])
@pytest.mark.parametrize("column", ["datetime_start", "datetime_complete"])
def test_a_date_that_is_no_local_time_is_refused_in_words(
    folder: Path, column: str, value: str
) -> None:
    edit(folder, f"UPDATE trials SET {column} = ? WHERE number = 1", value)
    with pytest.raises(ValueError, match=r"trial 1: |isoformat"):
        results.frame(results.load(folder))
    for read in (Run.open(folder).status, lambda: write_report(folder, folder / "page.html")):
        with pytest.raises(ValueError, match=r"trial 1: (started|ended) = .*; valid: a local time"):
            read()


OF_TRIAL = "UPDATE trial_user_attributes SET value_json = ? WHERE trial_id = 2 AND key = "
OF_STUDY = "INSERT OR REPLACE INTO study_user_attributes (study_id, key, value_json) VALUES (1, "
CELL = '{"cell": {"name": "gru"}, "rule": {"name": "gd"}, '
RECORD = '{"seeds": [1], "validation": {"accuracy": [1]}, "test": {"accuracy": [1]}, "epochs": 1}'


@pytest.mark.parametrize(
    ("statement", "value", "complaint"),
    [
        (f"{OF_TRIAL}'candidate'", CELL + '"penalty": {"x": 3}}', "trial 1: penalty = .*; valid"),
        (f"{OF_TRIAL}'candidate'", CELL + '"objective": {"x": 3}}', "trial 1: objective = .*; va"),
        (f"{OF_TRIAL}'metrics'", "{},{}", "Extra data"),
        (f"{OF_STUDY}'ended', ?)", "3", "ended = 3; a search writes a text"),
        (f"{OF_STUDY}'searched_seconds', ?)", '"3"', "searched_seconds = '3'; a search writes a n"),
        (f"{OF_STUDY}'note', ?)", "{}", "note = {}; a search writes a text"),
        (f"{OF_STUDY}'finalized:99', ?)", RECORD, "finalized:99 is of no trial; the study is dam"),
    ],
)
def test_what_no_search_writes_is_named(
    folder: Path, statement: str, value: str, complaint: str
) -> None:
    edit(folder, statement, value)
    for read in (
        lambda: Run.open(folder).status(),
        lambda: results.frame(results.load(folder)),
        lambda: write_report(folder, folder / "page.html"),
        lambda: open_ledger(Request.read(folder), folder),
    ):
        with pytest.raises(ValueError, match=complaint):
            read()


def test_a_trial_without_a_date_costs_no_page(folder: Path, tmp_path: Path) -> None:
    edit(folder, "UPDATE trials SET datetime_start = NULL, datetime_complete = NULL")
    assert "</html>" in write_report(folder, tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("change", "value", "complaint"),
    [
        ("value_json = ? WHERE key = 'epoch:0001'", '{"number": 1}', "again gives no number"),
        ("key = ? WHERE key = 'epoch:0001'", "epoch:0000", "again gives no accuracy"),
        ("key = ? WHERE key = 'epoch:0001'", "epoch:9999999", "holds epoch 9999999, in a run of"),
    ],
)
def test_what_no_training_gives_is_not_replayed(
    change: str, value: str, complaint: str, folder: Path
) -> None:
    edit(folder, f"UPDATE trial_user_attributes SET {change}", value)
    with pytest.raises(ValueError, match=complaint):
        Run.open(folder).replay(0)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A run of three trained trials that is asked for five."""
    attacks.make_run(tmp_path / "run", asked=5)
    return tmp_path / "run"


def test_a_result_that_somebody_else_put_in_is_nobodys_candidate(trained: Path) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{trained}/study.db")
    study.add_trial(optuna.trial.create_trial(values=[0.99] * len(study.directions)))
    with contextlib.closing(open_ledger(Request.read(trained), trained)) as ledger:
        assert not Budget.of(ledger).over
    run = Run.open(trained)
    assert run.best()["number"] < 3
    for ask in (
        lambda: run.finalize(trials=[3]),
        lambda: run.weights(3),
        lambda: run.export(3, trained / "winner"),
    ):
        with pytest.raises(ValueError, match=r"trial 3 (was not made by a search|finished no)"):
            ask()


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"\x08\0\0\0\0\0\0\0{}"])
def test_weights_that_cannot_be_read_are_trained_anew_and_that_is_said(
    content: bytes, trained: Path
) -> None:
    run = Run.open(trained)
    before = run.weights(0)
    (trained / "checkpoints" / "0" / "model.safetensors").write_bytes(content)
    with pytest.warns(UserWarning, match="cannot be read; trial 0 is trained again"):
        again = run.weights(0)
    assert before.keys() == again.keys()
    assert all((before[name] == again[name]).all() for name in before)
