"""Export from the page: the command `optcell-search export` in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EXPORTS = "exports"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

State = Literal["idle", "working", "done", "failed"]


@dataclass(frozen=True)
class Progress:
    """How far an export is."""

    state: State
    message: str


class Exporter:
    """Writes packages into the export folder of a run, one at a time, and nowhere else."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._target = Path()
        self._trial = 0
        self._began = 0.0
        self._lock = threading.Lock()

    def start(self, run: Path | None, trial: int, name: str) -> Progress:
        """Start exporting a trial; refuse where it cannot be done.

        Args:
            run: folder of the run, None where there is none on this machine.
            trial: its number.
            name: of the package's folder, in the run's export folder.
        """
        if run is None:
            return Progress("failed", "This study has no run folder here, so it holds no weights.")
        if not _NAME.fullmatch(name):
            return Progress(
                "failed",
                f"{name!r} cannot be a name; valid: a letter, then letters, digits, - and _, "
                "64 in all.",
            )
        folder = run / EXPORTS
        if folder.is_symlink():
            return Progress("failed", f"{folder} leads elsewhere; exports stay in the run folder.")
        if (folder / name).exists():
            return Progress("failed", f"{folder / name} exists; choose another name.")
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return Progress("failed", "Another export is at work; wait for it.")
            self._target, self._trial, self._began = folder / name, trial, time.monotonic()
            arguments = [str(run), "--trial", str(trial), "--out", str(self._target)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "optcell_search.cli", "export", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return self.progress()

    def progress(self) -> Progress:
        """Return how far the last export is."""
        with self._lock:
            process = self._process
            if process is None:
                return Progress("idle", "")
            code = process.poll()
            seconds = time.monotonic() - self._began
            if code is None:
                return Progress(
                    "working",
                    f"Exporting trial {self._trial}: writing the package, then loading it in a new "
                    f"interpreter and comparing outputs … {seconds:.0f} s",
                )
            assert process.stdout is not None
            if not process.stdout.closed:
                self._said = process.stdout.read().strip().splitlines()
                process.stdout.close()
                self._took = seconds
            if code == 0:
                return Progress(
                    "done",
                    f"Done in {self._took:.0f} s. Checked: loaded without optcell_search, it "
                    f"computes what trial {self._trial} does. pip install {self._target}",
                )
            said = self._said[-1] if self._said else f"exit code {code}"
            return Progress("failed", f"Nothing was written. {said}")

    def close(self) -> None:
        """Stop an export that is at work; what it has begun goes away with it."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()
                self._process.wait()
