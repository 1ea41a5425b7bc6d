"""Looking at a run changes nothing, whatever the run's folder says."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest
import tomli_w
from runs import a_run

from optcell_search import results
from optcell_search.ledger import trust
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.storage.journal import mend
from optcell_search.tuning import Run

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 20


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    return a_run(tmp_path / "run", tiny)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rewrite(folder: Path, **changes: object) -> None:
    data = Request.read(folder).to_dict() | changes
    (folder / "run.toml").write_text(tomli_w.dumps(data))


def test_reading_makes_and_changes_no_file(folder: Path) -> None:
    before = snapshot(folder)
    run = Run.open(folder)
    run.status()
    run.results()
    results.load(folder)
    assert snapshot(folder) == before


def test_reading_while_somebody_writes_sees_what_is_written(folder: Path) -> None:
    ledger = open_ledger(Request.read(folder), folder)
    ledger.study.add_trial(
        optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs={"reason": "x"})
    )
    assert Run.open(folder).status()["fail"] == 1
    ledger.close()


@pytest.mark.parametrize("look", [Run.status, Run.results, Run.pareto, Run.best, Run.report])
def test_objectives_that_were_edited_rank_nothing(folder: Path, look: Any) -> None:
    rewrite(folder, objectives=[{"name": "accuracy", "direction": "minimize"}])
    with pytest.raises(ValueError, match=r"run\.toml: objectives = .*minimize.*; put that back"):
        look(Run.open(folder))


def test_a_killed_run_that_was_copied_without_its_index_is_read_with_its_log(
    folder: Path, tmp_path: Path
) -> None:
    ledger = open_ledger(Request.read(folder), folder)
    ledger.study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("*-shm"))
    ledger.close()
    before = snapshot(copied)
    assert (copied / "study.db-wal").stat().st_size > 0
    run = Run.open(copied)
    assert run.status()["fail"] == 1
    assert len(results.load(copied).get_trials()) == 1
    # On a medium that cannot be written nothing could be made beside them.
    assert snapshot(copied) == before


@pytest.mark.parametrize("content", [PHOTO, b"", b"text without an end", b'{"op": 1}\n{"half'])
def test_a_file_that_a_folder_calls_its_journal_stays_whole(
    folder: Path, tmp_path: Path, content: bytes
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(content)
    rewrite(folder, study=f"journal://{photo}")
    for look in (Run.status, Run.results, Run.report):
        with pytest.raises(ValueError, match=r"photo\.jpg|run: ") as caught:
            look(Run.open(folder))
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="--trust"):
        Run.open(folder).resume()
    assert photo.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg", "run"]


def test_also_where_it_is_trusted_a_photo_is_no_journal(folder: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(PHOTO)
    rewrite(folder, study=f"journal://{photo}")
    with pytest.raises(ValueError, match="is no journal of Optuna's"):
        Run.open(folder, trust=True).resume()
    assert photo.read_bytes() == PHOTO


def test_what_is_cut_off_a_torn_journal_is_kept_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "log"
    whole = json.dumps({"op_code": 0, "worker_id": "w"}).encode() + b"\n"
    file.write_bytes(whole + b'{"op_code": 5, "wor')
    mend(file)
    assert file.read_bytes() == whole
    (rest,) = tmp_path.glob("log.cut-*")
    assert rest.read_bytes() == b'{"op_code": 5, "wor'


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("study", "postgresql://me:secret@127.0.0.1:9/db"),
        ("study", "mysql://127.0.0.1:9/db"),
        ("storage", "s3://bucket/runs"),
    ],
)
def test_a_folder_alone_connects_to_nothing(
    folder: Path, key: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr("socket.socket.connect", refuse)
    rewrite(folder, **{key: value})
    with pytest.raises(ValueError, match=f"names a place outside of it, {key}") as caught:
        Run.open(folder)
    assert "secret" not in str(caught.value)


def test_what_was_named_once_is_remembered_by_what_it_is(folder: Path, home: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:9/db"
    rewrite(folder, study=url)
    Run.open(folder, trust=True)
    assert "secret" not in (home / "optcell-search" / "trusted").read_text()
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    Run.open(copy)
    rewrite(copy, study=url.replace("db", "other"))
    with pytest.raises(ValueError, match="--trust"):
        Run.open(copy)


def test_without_a_home_nothing_is_remembered_and_nothing_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    trust.remember({"study": "postgresql://h/d"})
    with pytest.raises(ValueError, match="--trust"):
        trust.require(folder, {"study": "postgresql://h/d"}, trust=False)


@pytest.mark.parametrize(
    "name",
    [
        "ray",
        "checkpoints",
        "data",
        "exports",
        "report.html",
        "study.db",
        "run.toml",
        "study.db-wal",
        "ray/driver.lock",
    ],
)
def test_what_a_run_writes_is_no_link_to_somebody_elses(
    folder: Path, tmp_path: Path, name: str
) -> None:
    other = tmp_path / "other"
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        shutil.copy(target, other)
        target.unlink()
    elif "." in name:
        other.write_text("mine")
    else:
        other.mkdir()
        (other / "0").mkdir()
    target.symlink_to(other)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match="is a link"):
        Run.open(folder).resume()
    assert {k: v for k, v in snapshot(tmp_path).items() if k.startswith("other")} == {
        k: v for k, v in before.items() if k.startswith("other")
    }


@pytest.mark.parametrize(
    ("change", "key"),
    [({"epochs": 99}, "epochs"), ({"seed": 5}, "seed"), ({"num_trials": 400}, "num_trials")],
)
def test_an_edited_request_is_refused_and_the_study_stays(
    folder: Path, change: dict[str, object], key: str
) -> None:
    rewrite(folder, **change)
    before = results.load(folder).user_attrs
    with pytest.raises(ValueError, match=rf"run\.toml: {key} = "):
        Run.open(folder).resume()
    assert results.load(folder).user_attrs == before


def test_an_edited_space_is_refused(folder: Path) -> None:
    space = Request.read(folder).space
    rewrite(folder, space=space | {"rules": ["gd"], "rule": {"gd": {"s": 1.0}}})
    with pytest.raises(ValueError, match=r"run\.toml: space = "):
        Run.open(folder).resume()


def test_a_folder_that_cannot_be_written_is_read(folder: Path) -> None:
    """Root may write everywhere, so the test is that nothing was; see also the fault scripts."""
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    folder.chmod(0o555)
    try:
        if os.getuid():
            assert not os.access(folder, os.W_OK)
        assert Run.open(folder).status()["asked"] == 4
    finally:
        folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


def test_a_trial_of_somebody_else_is_shown_and_never_chosen(folder: Path) -> None:
    ledger = open_ledger(Request.read(folder), folder)
    ledger.study.add_trial(optuna.trial.create_trial(value=1.0))
    ledger.close()
    run = Run.open(folder)
    assert run.status()["complete"] == 1
    assert run.status()["best"] is None
    with pytest.raises(ValueError, match="no trial completed"):
        run.best()
    with pytest.raises(ValueError, match="trial 0 was not made by a search"):
        run.candidate(0)
