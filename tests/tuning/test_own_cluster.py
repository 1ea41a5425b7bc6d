"""A search on a real cluster whose worker has neither our package nor, at first, our token."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from runs import PLUGINS, faulty_space, write_tiny_data

from optcell_search.results import load

ROOT = Path(__file__).parents[2]
RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
CLI = [sys.executable, "-c", "import sys; from optcell_search.cli import main; sys.exit(main())"]

# The head has no processors; the worker sees an empty folder where our package is.
CLUSTER = """
import subprocess, sys
from ray.cluster_utils import Cluster
cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8},
)
start = [*sys.argv[2:], "start", f"--address={cluster.address}", "--num-cpus=1", "--block"]
hidden = 'mount -t tmpfs tmpfs "$0" && exec "$@"'
node = subprocess.Popen(
    ["unshare", "--mount", "sh", "-c", hidden, sys.argv[1], *start], stdout=subprocess.DEVNULL
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
def address(token: str) -> Iterator[str]:
    can = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if can.returncode != 0:
        pytest.skip("no mount namespaces here, so nothing can be hidden from a worker")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(ROOT / "optcell_search"), *RAY],
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
        [*CLI, "run", str(space), "--task", write_tiny_data(folder), "--trials", "2",
         "--sampler", "grid", "--epochs", "1", "--workers", "1", "--threads", "1",
         "--address", address, "--out", str(folder / "run")],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_package_and_plugins_reach_a_worker_that_has_neither(address: str, tmp_path: Path) -> None:
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
