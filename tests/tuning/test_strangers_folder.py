"""What a stranger's run.toml names: data, a task, a cluster; nothing is made of it, nothing met."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from runs import a_run

from optcell_search.cli import main
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request
from optcell_search.tuning import Run
from optcell_search.tuning.store.file_systems import Location

KEPT = Path(__file__).parents[1] / "data" / "run_0_1_0"
NAMES = ["", "..", "/", "/etc/passwd", "../../x", "a\0b", "x" * 10**6, "/dev/zero", "/dev/stdin",
         "/proc/self/mem", "nosuch", "digits:x=1", "{x}", "%00"]  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_is_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    return a_run(tmp_path / "run", tiny)


def named(folder: Path, **changes: object) -> None:
    """Have run.toml and study name something else, as whoever made both can."""
    data = Request.read(folder).to_dict() | changes
    with contextlib.closing(open_ledger(Request.read(folder), folder)) as ledger:
        ledger.note("request", data)
    (folder / "run.toml").write_text(tomli_w.dumps(data))


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Call a command that must end with one line; return that."""
    before = sorted(folder.parent.rglob("*"))
    capsys.readouterr()
    assert main([command[0], str(folder), *command[1:]]) in (1, 2)
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1
    assert len(errors) < 2100
    made = {path.relative_to(folder).as_posix() for path in folder.parent.rglob("*")
            if path not in before and path.is_relative_to(folder)}  # fmt: skip
    assert made <= {"ray", "ray/driver.lock"}
    assert [p for p in sorted(folder.parent.iterdir()) if p not in before] == []
    return errors


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
@pytest.mark.parametrize("key", ["task", "data_dir"])
def test_data_that_is_none(
    key: str, name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"data_dir": name, "task": "tiny.npz"} if key == "data_dir" else {"task": name}
    named(folder, **changes)
    refused(folder, capsys, "resume")


def test_data_that_is_a_pipe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(folder.parent / "pipe.npz")
    named(folder, task=str(folder.parent / "pipe.npz"))
    refused(folder, capsys, "resume")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "auto", "ray://127.0.0.1:1", "local;x", "/dev/zero", "x" * 10**6]
)
def test_a_cluster_that_nobody_has_named(
    address: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named(folder, address=address)
    assert "--trust" in refused(folder, capsys, "resume")
    # Looking at it asks no cluster.
    assert Run.open(folder).status()["complete"] == 0


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link"])
def test_a_stored_file_is_a_file(kind: str, tmp_path: Path) -> None:
    """A pipe would be waited for without end."""
    path = tmp_path / "training.pt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "other")
    with pytest.raises(OSError, match=r"training\.pt"):
        Location(str(tmp_path)).read("training.pt")
    assert Location(str(tmp_path)).read("not there") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("metrics", "NaN"), ("metrics", "[1]"), ("seed", '"x"'), ("candidate", "7"), ("key", "null")],
)
@pytest.mark.parametrize("ask", [Run.replay, Run.weights, Run.refitted_weights])
def test_a_trial_whose_attributes_no_search_writes(
    name: str, value: str, ask: Callable[[Run, int], object], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(KEPT, tmp_path / "copy"))
    shutil.rmtree(copy / "checkpoints")
    with contextlib.closing(sqlite3.connect(copy / "study.db")) as database, database:
        database.execute(
            "UPDATE trial_user_attributes SET value_json = ? WHERE key = ?", (value, name)
        )
    with pytest.raises(ValueError, match=rf"trial \d: .*{name}"):
        ask(Run.open(copy), 0)
