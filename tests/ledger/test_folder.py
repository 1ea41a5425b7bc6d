from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from runs import a_request

from optcell_search.ledger import folder as folders
from optcell_search.ledger.lock import LOCK, is_locked
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request


def test_a_new_folder_holds_its_request_and_its_ledger(tiny: str, tmp_path: Path) -> None:
    target = tmp_path / "runs" / "first"
    folders.check_target(target)
    folders.make(target, a_request(tiny))
    assert {path.name for path in target.iterdir()} == {"run.toml", "study.db"}
    assert list(target.parent.iterdir()) == [target]
    assert Request.read(target).task == a_request(tiny).task


def test_an_empty_folder_will_do(tiny: str, tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    folders.check_target(target)
    folders.make(target, a_request(tiny))
    assert (target / "run.toml").is_file()


def test_what_is_there_is_left_alone(tiny: str, tmp_path: Path) -> None:
    run, other, file = tmp_path / "run", tmp_path / "other", tmp_path / "file"
    folders.make(run, a_request(tiny))
    other.mkdir()
    file.touch()
    (other / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="holds a run already; go on with it by"):
        folders.check_target(run)
    for target in (other, file):
        with pytest.raises(FileExistsError, match="exists and is no empty folder"):
            folders.check_target(target)


def test_nothing_goes_on_with_a_simulated_run(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('table = "digits"\n')
    with pytest.raises(FileExistsError, match=r"holds a run already; choose another folder$"):
        folders.check_target(tmp_path)
    with pytest.raises(FileExistsError, match=r"is the ledger of the run in .*; choose another"):
        folders.check_study(f"sqlite:///{tmp_path}/study.db")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from optcell_search.ledger.folder import locked\n"
        f"with locked(Path({str(tmp_path)!r})): print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with (
            pytest.raises(ValueError, match="another process is working"),
            folders.locked(tmp_path),
        ):
            pass
        other.kill()
        other.wait()
        # Killed, it could release nothing; the lock went with it.
        with folders.locked(tmp_path):
            pass


def test_who_only_looks_keeps_nobody_from_working(tmp_path: Path) -> None:
    with folders.locked(tmp_path):
        pass
    # As `is_locked` holds it, for longer.
    file = os.open(tmp_path / LOCK, os.O_RDONLY)
    fcntl.flock(file, fcntl.LOCK_SH)
    looked = threading.Timer(0.1, os.close, [file])
    looked.start()
    with folders.locked(tmp_path):
        assert is_locked(tmp_path)
    looked.join()


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_a_run_that_comes_to_nothing_leaves_nothing(
    error: Any,
    kind: str,
    empty: bool,
    tiny: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interrupted or out of room at the last moment: no folder, and no study in a file outside."""
    urls = {"sqlite": f"sqlite:///{tmp_path}/all.db", "journal": f"journal://{tmp_path}/all.log"}
    request = a_request(tiny, study=urls[kind])
    target = tmp_path / "run"
    if empty:
        target.mkdir()

    def fail(*_: object) -> None:
        raise error

    folders.check_study(request.study)
    monkeypatch.setattr(folders, "sync_all", fail)
    with pytest.raises((KeyboardInterrupt, OSError)):
        folders.make(target, request)
    assert [*tmp_path.rglob("*")] == ([target] if empty else [])


def test_the_second_of_two_runs_to_one_folder_leaves_no_study(tiny: str, tmp_path: Path) -> None:
    study = f"sqlite:///{tmp_path}/all.db"
    first, second = (a_request(tiny, study=study) for _ in range(2))
    target = tmp_path / "run"
    folders.make(target, first)
    with pytest.raises(FileExistsError, match="exists and is no empty folder"):
        folders._appear(tmp_path, target)
    with pytest.raises(FileExistsError):
        folders.make(target, second)
    names = [each.study_name for each in optuna.get_all_study_summaries(study)]
    assert names == [first.run_id]
    assert Request.read(target).run_id == first.run_id
    assert not [*tmp_path.glob(".run.*")]


def test_what_is_being_filled_by_another_run_is_not_empty(tiny: str, tmp_path: Path) -> None:
    target = tmp_path / "run"
    (target / ".run.other").mkdir(parents=True)
    with pytest.raises(FileExistsError):
        folders.make(target, a_request(tiny))
    assert [path.name for path in target.iterdir()] == [".run.other"]


def test_looking_for_a_study_makes_none(tmp_path: Path) -> None:
    folders.check_study(f"sqlite:///{tmp_path}/new.db")
    folders.check_study(f"journal://{tmp_path}/new.log")
    with pytest.raises(ValueError, match="cannot be written there"):
        folders.check_study(f"sqlite:///{tmp_path}/nowhere/new.db")
    assert not [*tmp_path.iterdir()]


def test_a_new_run_survives_a_power_cut(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are on the disk before they appear, and so is their appearing."""
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note(descriptor: int) -> None:
        done.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def appear(old: Any, new: Any) -> None:
        done.append("appears")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "rename", appear)
    folders.make(tmp_path / "run", a_request(tiny))
    when = done.index("appears")
    assert {"run.toml", "study.db"} <= set(done[:when])
    assert tmp_path.name in done[when:]


def test_no_lock_stays_beside_a_journal(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, study=f"journal://{tmp_path}/all.log")
    folders.make(tmp_path / "run", request)
    with contextlib.closing(open_ledger(request, tmp_path / "run")) as ledger, ledger.locked():
        assert len([*tmp_path.glob(".all.log.*.lock")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.log", "run"]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "names no file, so nothing would be kept"),
        ("sqlite:///{folder}", "is no file"),
        ("journal:///", "is no file"),
        ("sqlite:///{folder}/text", "file is not a database"),
        ("journal://{folder}/text", "is no journal"),
        ("journal://{folder}/nowhere/x", "cannot be written there"),
        ("sqlite:///{folder}/text/x", "cannot be written there"),
        ("nosuch://host/x", "cannot be opened"),
        ("postgresql+psycopg://u:p@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_where_no_study_can_be_kept(url: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("mine\n")
    with pytest.raises(ValueError, match=complaint):
        folders.check_study(url.format(folder=tmp_path))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("text", "mine\n")]


def test_asking_makes_no_table(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "mine.db")) as mine:
        mine.execute("CREATE TABLE mine (x INTEGER)")
        mine.commit()
    before = (tmp_path / "mine.db").read_bytes()
    folders.check_study(f"sqlite:///{tmp_path}/mine.db")
    assert (tmp_path / "mine.db").read_bytes() == before
    assert len([*tmp_path.iterdir()]) == 1
