"""The processes that a Ray of our own has started: what a run started, it ends.

When its head is killed, Ray's agents outlive the node that started them.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_NODE = ("raylet", "gcs_server")


@dataclass(frozen=True)
class Process:
    """A process, told from a later one of the same number by when it was started."""

    pid: int
    started: str

    def kill(self) -> None:
        """End it, if it is still there."""
        if _stat(self.pid)[2] == self.started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def of_our_node() -> list[Process]:
    """Return the node that this process has started, and what that has started in turn."""
    stats = {pid: _stat(pid) for pid in _pids()}
    roots = [
        pid for pid, (name, parent, _) in stats.items() if parent == os.getpid() and name in _NODE
    ]
    found = list(roots)
    while roots:
        roots = [pid for pid, (_, parent, _) in stats.items() if parent in roots]
        found += roots
    return [Process(pid, stats[pid][2]) for pid in found]


def _pids() -> list[int]:
    folder = Path("/proc")
    # Elsewhere than on Linux there is no such list, and Ray's agents are left to themselves.
    entries = folder.iterdir() if folder.is_dir() else ()
    return [int(entry.name) for entry in entries if entry.name.isdigit()]


def _stat(pid: int) -> tuple[str, int, str]:
    """Return name, parent and time of the start of a process, nothing where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "", 0, ""
    # The name in parentheses may hold spaces and parentheses.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return head.partition("(")[2], int(fields[1]), fields[19]
