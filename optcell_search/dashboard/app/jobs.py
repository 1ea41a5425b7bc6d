"""What the live page can have done: commands of `optcell-search`, in processes of their own."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import IO, Literal

State = Literal["idle", "working", "done", "failed"]

# How much of what a command says at its end is looked at, in bytes.
_TAIL = 8192
_MOST_AT_WORK = 8


@dataclass(frozen=True)
class Progress:
    """How far a command is, in words, and the command itself.

    Attributes:
        others: those that are at work besides it, a line each.
        waits: whether any is at work, so that there will be more to tell.
    """

    state: State
    message: str
    command: str = ""
    others: tuple[str, ...] = ()
    waits: bool = False

    @property
    def words(self) -> str:
        """All of it as the page shows it, a line each."""
        command = f" ({self.command})" if self.command else ""
        return "\n".join([f"{self.message}{command}", *self.others])


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
    """Runs commands side by side: an export need not wait until a search has ended.

    The child imports nothing from the current folder before what is ours (``-P``), and what it says
    goes into a file without a name: a pipe that nobody empties would stop it after 64 kB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The newest last; of those that have ended only the newest.
        self._started: list[_Started] = []
        # What was last said that is about no command in the list.
        self._said: Progress | None = None
        # On Linux niceness is a thread's own, and goes to what it starts. Those that answer a
        # browser stand back for a search; a command runs as it would from a terminal.
        self._starter = ThreadPoolExecutor(max_workers=1)
        self._starter.submit(int).result()

    def start(self, job: Job) -> Progress:
        """Start a command, unless the same one, or too many others, are at work."""
        with self._lock:
            at_work = [one for one in self._started if one.is_at_work]
            self._said = None
            if any(one.job.arguments == job.arguments for one in at_work):
                words = "This command is at work already."
                self._said = Progress("failed", words, job.command)
            elif len(at_work) >= _MOST_AT_WORK:
                words = f"{_MOST_AT_WORK} commands are at work; wait for one of them."
                self._said = Progress("failed", words, job.command)
            else:
                for one in self._started:
                    if one not in at_work:
                        one.said.close()
                self._started = [*at_work, self._starter.submit(_Started, job).result()]
            return self._progress()

    def say(self, progress: Progress) -> Progress:
        """Tell of something that took no command, until the next one is started."""
        with self._lock:
            self._said = progress
            return self._progress()

    def progress(self) -> Progress:
        """Return how far the last command is, and which others are still at work."""
        with self._lock:
            return self._progress()

    def _progress(self) -> Progress:
        told = [one.progress() for one in reversed(self._started)]
        at_work = any(one.state == "working" for one in told)
        last = self._said or (told.pop(0) if told else Progress("idle", ""))
        others = tuple(f"{one.message} ({one.command})" for one in told)
        return replace(last, others=others, waits=at_work)

    def close(self) -> None:
        """Stop the commands that are at work, but for those that go on by themselves."""
        with self._lock:
            for one in self._started:
                if not one.job.outlives:
                    one.process.terminate()
                    one.process.wait()
                one.said.close()
        self._starter.shutdown()


class _Started:
    """A command that has been started."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when the child ends
        self._began = time.monotonic()
        self._took: float | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "optcell_search.cli", *job.arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the dashboard's terminal is not meant for a search.
            start_new_session=job.outlives,
        )

    @property
    def is_at_work(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def progress(self) -> Progress:
        """Return how far it is."""
        job, code = self.job, self.process.poll()
        seconds = time.monotonic() - self._began
        if code is None:
            return Progress("working", f"{job.doing} … {seconds:.0f} s", job.command)
        self._took = self._took if self._took is not None else seconds
        if code == 0:
            return Progress("done", f"Done in {self._took:.0f} s. {job.done}", job.command)
        return Progress("failed", self._last_words() or f"exit code {code}", job.command)

    def _last_words(self) -> str:
        self.said.seek(0, 2)
        self.said.seek(max(0, self.said.tell() - _TAIL))
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
