"""A Ray cluster of three nodes on one machine, and what can be killed on it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ray.cluster_utils import Cluster

NODES = 3
_OBJECT_STORE_BYTES = 80 * 2**20
_TRAINING = "ray::CandidateTrainable"
_SECONDS = 180


class Nodes:
    """Three nodes of one processor each; the first is the head."""

    def __enter__(self) -> Nodes:
        options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": _OBJECT_STORE_BYTES}
        self._options = options
        self._cluster = Cluster(
            initialize_head=True, head_node_args={**options, "include_dashboard": False}
        )
        self.complete()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cluster.shutdown()

    @property
    def address(self) -> str:
        """What a driver connects to."""
        return str(self._cluster.address)

    def complete(self) -> None:
        """Start a node for each one that was killed."""
        while len(self._cluster.worker_nodes) < NODES - 1:
            self._cluster.add_node(**self._options)

    def kill_node(self, chance: random.Random) -> None:
        """Kill a node that is not the head, with all that runs on it."""
        nodes = sorted(self._cluster.worker_nodes, key=lambda node: str(node.unique_id))
        self._cluster.remove_node(chance.choice(nodes), allow_graceful=False)

    def kill_worker(self, chance: random.Random) -> bool:
        """Kill a process that trains; False where there is none."""
        found = self._training()
        if not found:
            return False
        _send(chance.choice(found), signal.SIGKILL)
        return True

    @contextlib.contextmanager
    def stopped(self, processes: list[int]) -> Iterator[None]:
        """Stop these processes and all that train, and afterwards kill them without a word."""
        pids = [*processes, *self._training()]
        for pid in pids:
            _send(pid, signal.SIGSTOP)
        while not all(map(_is_stopped, pids)):
            time.sleep(0.01)
        try:
            yield
        finally:
            for pid in pids:
                _send(pid, signal.SIGKILL)

    def wait_until_idle(self) -> None:
        """Wait until nothing trains any more, as when Ray has noticed that a driver is gone."""
        deadline = time.monotonic() + _SECONDS
        while self._training():
            if time.monotonic() > deadline:
                raise RuntimeError("workers of a dead driver are still there")
            time.sleep(0.2)

    def _training(self) -> list[int]:
        raylets = {_raylet(node) for node in self._cluster.list_all_nodes()}
        return sorted(pid for pid in _processes(_TRAINING) if _parent(pid) in raylets)


def kill_driver(process: subprocess.Popen[str]) -> None:
    """Kill a driver without a word."""
    process.kill()
    process.communicate()


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _processes(title: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            # It ended while we were looking.
            continue
        if command.startswith(title.encode()):
            found.append(int(entry.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    # It may have ended since it was found.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _is_stopped(pid: int) -> bool:
    """Whether a process does nothing: stopped, ended, or gone."""
    return _stat(pid)[0] in "TZX"


def _stat(pid: int) -> list[str]:
    """Return state and parent of a process, as if it had ended where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ["X", "0"]
    # The name in parentheses may hold spaces.
    return stat.rpartition(")")[2].split()[:2]
