from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from runs import a_request

from optcell_search.ledger import folder as folders
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
