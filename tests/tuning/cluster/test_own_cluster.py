"""A search on a real cluster whose worker has not our package, our data or, at first, our token."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from runs import PLUGINS, faulty_space, write_tiny_data

from optcell_search.results import load
from optcell_search.tuning import Run

ROOT = Path(__file__).parents[3]
RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
CLI = [sys.executable, "-c", "import sys; from optcell_search.cli import main; sys.exit(main())"]

# The head has no processors; the worker sees empty folders where our package and the data are.
CLUSTER = """
import subprocess, sys
from ray.cluster_utils import Cluster
cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8},
)
start = [*sys.argv[3:], "start", f"--address={cluster.address}", "--num-cpus=1", "--block"]
hidden = 'mount -t tmpfs tmpfs "$0" && mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
node = subprocess.Popen(
    ["unshare", "--mount", "sh", "-c", hidden, *sys.argv[1:3], *start], stdout=subprocess.DEVNULL
)
print(cluster.address, flush=True)
sys.stdin.read()
node.terminate()
node.wait()
cluster.shutdown()
"""


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    made = secrets.token_hex(32)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", made)
    return made


@pytest.fixture
def address(token: str, tmp_path: Path) -> Iterator[str]:
    can = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if can.returncode != 0:
        pytest.skip("no mount namespaces here, so nothing can be hidden from a worker")
    hidden_data = tmp_path / "data"
    hidden_data.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(ROOT / "optcell_search"), str(hidden_data), *RAY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment,
    ) as cluster:
        assert cluster.stdout is not None
        yield cluster.stdout.readline().strip()
        assert cluster.stdin is not None
        cluster.stdin.close()


def search(address: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    space = folder / "space.toml"
    space.write_text(tomli_w.dumps(faulty_space(0, 1)))
    path = os.pathsep.join([str(ROOT), str(PLUGINS)])
    return subprocess.run(
        [*CLI, "run", str(space), "--task", write_tiny_data(folder / "data"), "--trials", "2",
         "--sampler", "grid", "--epochs", "1", "--workers", "1", "--threads", "1",
         "--address", address, "--out", str(folder / "run")],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_package_plugins_and_data_reach_a_worker_that_has_none(
    address: str, tmp_path: Path, faulty_rule: None
) -> None:
    # A node that has just been started is not always there when its command returns.
    time.sleep(10)
    stranger = search(address, tmp_path, RAY_AUTH_TOKEN=secrets.token_hex(32))
    assert stranger.returncode == 2
    line = stranger.stderr.strip().splitlines()[-1]
    assert "no Ray cluster answers, or it asks for another token" in line
    assert not (tmp_path / "run").exists()

    done = search(address, tmp_path)
    assert done.returncode == 0, done.stderr
    states = [trial.state.name for trial in load(tmp_path / "run").trials]
    assert states == ["COMPLETE", "FAIL"] or states == ["FAIL", "COMPLETE"]
    # The file was sent, and serves where there is no other.
    shutil.rmtree(tmp_path / "data")
    again = Run.open(tmp_path / "run").replay(states.index("COMPLETE"))
    assert set(again.differences.values()) == {0.0}
