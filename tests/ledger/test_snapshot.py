"""Reading a ledger without Optuna says what Optuna says, and leaves to it what it does not know."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest
from ledgers import TWO, Ledger, candidate, in_folder
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from optcell_search.ledger import snapshot as module
from optcell_search.ledger.format import epoch_key
from optcell_search.ledger.reading import load
from optcell_search.ledger.snapshot import snapshot
from optcell_search.ledger.trials.trial_record import STATES, record_of


def everything(ledger: Ledger) -> None:
    steps = [{"accuracy": 0.5, "loss": 1.0}, {"accuracy": math.nan, "loss": 0.5}]
    ledger.add([0.9, math.inf], epochs=steps, constraints={"parameters<=50": -45.0})
    ledger.add([0.5, 99.0], of=candidate("gru", "adam"), spread={"accuracy": 0.1})
    ledger.add(state=TrialState.PRUNED, epochs=steps, metrics={"accuracy": 0.3})
    ledger.add(state=TrialState.FAIL, epochs=steps, reason="diverged")
    ledger.add(state=TrialState.RUNNING, epochs=steps)
    ledger.study.enqueue_trial({})
    ledger.study.set_user_attr("note:0", "μ")


def said_by_optuna(folder: Path) -> str:
    study = load(folder)
    records = [record_of(trial) for trial in study.get_trials(deepcopy=False)]
    # NaN equals nothing, so that what holds one is compared as text.
    return repr((study.user_attrs, records))


@pytest.mark.usefixtures("kathmandu")
def test_it_is_what_optuna_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything(in_folder(tmp_path / "run", TWO))
    expected = said_by_optuna(tmp_path / "run")
    monkeypatch.setattr(module, "load", None)
    found = snapshot(tmp_path / "run")
    assert repr((found.attributes, found.records)) == expected
    assert found.records[0].state == "COMPLETE"
    assert len(found.records) == 6


def test_the_states_are_optunas() -> None:
    assert set(STATES) == {state.name for state in TrialState}


def test_while_somebody_writes_what_is_committed_is_read(tmp_path: Path) -> None:
    ledger = in_folder(tmp_path / "run", TWO)
    with sqlite3.connect(tmp_path / "run" / "study.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    ledger.add([0.5, 9.0])
    assert Path(tmp_path / "run" / "study.db-wal").exists()
    assert len(snapshot(tmp_path / "run").records) == 1


def test_a_journal_is_read_by_optuna(tmp_path: Path) -> None:
    file = tmp_path / "log"
    everything(Ledger(TWO, JournalStorage(JournalFileBackend(str(file)))))
    (tmp_path / "run.toml").write_text(f'study = "journal://{file}"\n', encoding="utf-8")
    found = snapshot(tmp_path)
    assert repr((found.attributes, found.records)) == said_by_optuna(tmp_path)


def test_tables_of_another_form_are_left_to_optuna(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(in_folder(tmp_path / "run", TWO))
    with sqlite3.connect(tmp_path / "run" / "study.db") as connection:
        connection.execute("UPDATE version_info SET schema_version = 99")
    asked: list[Path] = []
    monkeypatch.setattr(module, "load", lambda folder: asked.append(folder) or load(folder))
    assert len(snapshot(tmp_path / "run").records) == 6
    assert asked == [tmp_path / "run"]


def test_what_is_not_there_or_damaged_is_said_as_by_optuna(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run here, study\.db is missing"):
        snapshot(tmp_path)
    (tmp_path / "study.db").write_bytes(b"no database at all")
    with pytest.raises(ValueError, match="not a readable Optuna study"):
        snapshot(tmp_path)
    (tmp_path / "study.db").unlink()
    (tmp_path / "theirs").write_text("theirs", encoding="utf-8")
    (tmp_path / "study.db").symlink_to(tmp_path / "theirs")
    with pytest.raises(ValueError, match="link"):
        snapshot(tmp_path)


def test_of_several_studies_the_runs_own_is_read(tmp_path: Path) -> None:
    in_folder(tmp_path, TWO, run_id="one").add([0.1, 1.0])
    in_folder(tmp_path, TWO, run_id="other")
    with pytest.raises(ValueError, match="name one after '#'"):
        snapshot(tmp_path)
    (tmp_path / "run.toml").write_text('run_id = "one"\n', encoding="utf-8")
    assert [record.values for record in snapshot(tmp_path).records] == [(0.1, 1.0)]


def test_the_last_epoch_is_told_by_its_number(tmp_path: Path) -> None:
    """As texts ``epoch:9999`` comes after ``epoch:10000``."""
    ledger = in_folder(tmp_path / "run", TWO)
    ledger.add(state=TrialState.RUNNING)
    trial = ledger.study.get_trials()[0]
    for epoch in (9998, 9999, 10000):
        ledger.study._storage.set_trial_user_attr(
            trial._trial_id, epoch_key(epoch), {"accuracy": epoch / 1e5}
        )
    (found,) = snapshot(tmp_path / "run").records
    assert found.metrics == {"accuracy": 0.1}
    assert repr([found]) in said_by_optuna(tmp_path / "run")
