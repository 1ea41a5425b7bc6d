"""What a command and all that it starts take: seconds, seconds of processor, memory; on Linux."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

_EVERY = 0.5
_TICK = os.sysconf("SC_CLK_TCK")
# Places of fields behind the name, see proc_pid_stat(5).
_PARENT, _USER, _SYSTEM, _START = 1, 11, 12, 19


class Taken:
    """What a command took, once `run` has ended.

    Attributes:
        seconds: from its start to its end.
        memory: bytes that all its processes held together at most, what they share counted once.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.memory = 0
        # By process, which its number and start tell: processes below stay known without a parent.
        self._used: dict[tuple[int, int], float] = {}

    @property
    def processor(self) -> float:
        """Seconds of processor of all processes, as each was last seen, every 0.5 s."""
        return sum(self._used.values())

    @classmethod
    def run(cls, command: Sequence[str]) -> Taken:
        """Run a command to its end; raises `subprocess.CalledProcessError` where it fails."""
        taken, started = cls(), perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            taken._look(process.pid)
            try:
                process.wait(_EVERY)
            except subprocess.TimeoutExpired:
                continue
        taken.seconds = perf_counter() - started
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return taken

    def _look(self, first: int) -> None:
        """Note what each process below the first one, itself included, has used so far."""
        there = dict(_processes())
        ours = {pid for pid, start in self._used if there.get(pid, (0, -1, 0.0))[1] == start}
        ours.add(first)
        # Of a chain of new ones, parents have smaller numbers but where numbers begin anew.
        for pid in sorted(there):
            if there[pid][0] in ours:
                ours.add(pid)
        for pid in ours & there.keys():
            _, start, used = there[pid]
            self._used[pid, start] = used
        self.memory = max(self.memory, sum(map(_held, ours)))


def _processes() -> Iterator[tuple[int, tuple[int, int, float]]]:
    """Give number, and parent, start and seconds of processor, of every process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            # It has just ended.
            continue
        used = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICK
        yield int(path.parent.name), (int(fields[_PARENT]), int(fields[_START]), used)


def _held(pid: int) -> int:
    """Return bytes of memory of a process, its share of what others have, too; 0: it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
