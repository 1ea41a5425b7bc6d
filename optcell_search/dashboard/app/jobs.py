"""What the live page can have done: commands of `optcell-search`, in processes of their own."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import IO, Literal

State = Literal["idle", "working", "done", "failed"]

# How much of what a command says at its end is looked at, in bytes.
_TAIL = 8192


@dataclass(frozen=True)
class Progress:
    """How far a command is, in words, and the command itself."""

    state: State
    message: str
    command: str = ""


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        arguments: of ``optcell-search``.
        doing, done: in words, while it is at work and when it has succeeded.
        outlives: whether it goes on when the dashboard ends, as a search does.
    """

    arguments: tuple[str, ...]
    doing: str
    done: str
    outlives: bool = False

    @property
    def command(self) -> str:
        """As one would type it."""
        return shlex.join(["optcell-search", *self.arguments])


class Jobs:
    """Runs commands, one at a time.

    The child imports nothing from the current folder before what is ours (``-P``), and what it says
    goes into a file without a name: a pipe that nobody empties would stop it after 64 kB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._began = 0.0
        self._took: float | None = None

    def start(self, job: Job) -> Progress:
        """Start a command, unless another one is at work."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return Progress("failed", "Another command is at work; wait for it.", job.command)
            if self._said is not None:
                self._said.close()
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when the child ends
            self._job, self._began, self._took = job, time.monotonic(), None
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "optcell_search.cli", *job.arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the dashboard's terminal is not meant for a search.
                start_new_session=job.outlives,
            )
        return self.progress()

    def progress(self) -> Progress:
        """Return how far the last command is."""
        with self._lock:
            process, job = self._process, self._job
            if process is None or job is None:
                return Progress("idle", "")
            code = process.poll()
            seconds = time.monotonic() - self._began
            if code is None:
                return Progress("working", f"{job.doing} … {seconds:.0f} s", job.command)
            self._took = self._took if self._took is not None else seconds
            if code == 0:
                return Progress("done", f"Done in {self._took:.0f} s. {job.done}", job.command)
            return Progress("failed", self._last_words() or f"exit code {code}", job.command)

    def _last_words(self) -> str:
        assert self._said is not None
        self._said.seek(0, 2)
        self._said.seek(max(0, self._said.tell() - _TAIL))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """Stop a command that is at work, unless it is one that goes on by itself."""
        with self._lock:
            process, job = self._process, self._job
            if process is not None and job is not None and not job.outlives:
                process.terminate()
                process.wait()
            if self._said is not None:
                self._said.close()
