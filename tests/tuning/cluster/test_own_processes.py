"""What a run has started it ends, and workers import from nowhere where it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optcell_search.tuning.cluster.import_paths import job_config
from optcell_search.tuning.cluster.own_processes import Process, of_our_node


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_node_and_what_it_started_end(tmp_path: Path) -> None:
    before = of_our_node()
    # Named as Ray's node is, it starts another process, as that does its agents.
    shell = shutil.copy(shutil.which("bash") or "/bin/bash", tmp_path / "raylet")
    node = subprocess.Popen(
        [shell, "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True
    )
    assert node.stdout is not None
    agent = int(node.stdout.readline())
    other = subprocess.Popen(["sleep", "600"])
    # Tests before this one may have a Ray of their own.
    found = [process for process in of_our_node() if process not in before]
    assert {process.pid for process in found} == {node.pid, agent}
    for process in found:
        process.kill()
    node.communicate()
    deadline = time.monotonic() + 20
    while alive(agent) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(agent)
    assert other.poll() is None
    # Another process that has come to the same number since is none of ours.
    Process(other.pid, "before").kill()
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.parametrize(("path", "kept"), [(["/a"], ["/a"]), (["", "/c"], ["/a", "/b"]), ([], [])])
def test_workers_import_where_this_process_does(
    path: list[str], kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = job_config()
    monkeypatch.setattr(sys, "path", path)
    config._py_driver_sys_path.extend(["/a", "/b"])
    monkeypatch.undo()
    assert list(config._get_proto_job_config().py_driver_sys_path) == kept


def test_nothing_of_this_process_is_ours_before_a_start() -> None:
    assert os.getpid() not in {process.pid for process in of_our_node()}
