"""What the attacks share: a small finished run made without Ray, a call of the command, a verdict.

A call is faulty when it ends in a traceback or another exit code than 0, 1, 2 or 130, takes more
than a few lines or too long, starts Ray, connects to somebody, loads a planted pickle, or changes a
file that is not the run's.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import tomli_w
from optuna.samplers import RandomSampler

from optcell_search import export as exporting
from optcell_search.cli import main
from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.trials.ending import Beside
from optcell_search.tuning.cluster import connection
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.resolving.resolve import resolve
from optcell_search.tuning.store import checkpoints
from optcell_search.tuning.worker.job import Job
from optcell_search.tuning.worker.session import Session

CODES = (0, 1, 2, 130)
NO_RAY = "no cluster in this attack"
_MOST_LINES = 4
# Each trial that ends has a line, and each minute: "3 of 8 done".
_GOING_ON = re.compile(r"(trial )?\d+,? ")
_MOST_CHARACTERS = 4000
# A call may take so long, waiting included, and this much of it computing, whoever else computes.
_SECONDS = 600
_PROCESSOR_SECONDS = 60
SPACE: dict[str, Any] = {
    "cells": ["rnn"],
    "rules": ["gd", "heavy_ball"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "rule": {"gd": {"s": 1.0}, "heavy_ball": {"s": 0.6}},
    "model": {"hidden_size": {"choices": [2, 3]}},
    "training": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}},
}


def make_inputs(root: Path) -> tuple[Path, Path]:
    """Write a small space and a small data file into a folder; return both."""
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 3, 2)).astype("float32")
    np.savez(root / "tiny.npz", x=x, y=(x.sum((1, 2)) > 0).astype("int64"))
    (root / "tiny.toml").write_text(tomli_w.dumps(SPACE))
    return root / "tiny.toml", root / "tiny.npz"


def make_run(folder: Path, *, trained: int = 3, asked: int = 3) -> None:
    """Make a run of so many trials and train some of them, here and one after the other."""
    space, data = make_inputs(folder.parent)
    request = resolve(space, str(data), num_trials=asked, epochs=2, workers=1, scheduler="none")
    folders.make(folder, request)
    with contextlib.closing(open_ledger(request, folder)) as ledger:
        for number in range(trained):
            trial = ledger.ask(request.search_space, RandomSampler(seed=number))
            assert trial is not None
            job = Job(
                number=number,
                candidate=trial.candidate,
                seeds=trial.seeds,
                source=Source.of(request, folder),
                objectives=tuple(request.objectives),
                epochs=request.epochs,
                device="cpu",
                threads=1,
                checkpoints=str(checkpoints.location_of(request, folder) / str(number)),
                checkpoint_bytes=10**7,
            )
            session = Session(job)
            for epoch in range(1, 3):
                report = session.advance()
                ledger.report(number, epoch, report.metrics[epoch], "attack")
            ledger.complete(number, report.metrics[2], Beside(gradients=report.gradients))
    (folder / "report.html").write_text("<html></html>")


def complaints(said: str) -> list[str]:
    """Return the lines on the standard error stream that tell of more than how a search goes on."""
    return [line for line in said.splitlines() if not _GOING_ON.match(line)]


def in_session(session: int) -> dict[int, str]:
    """Return the processes of a session that have not ended, with their names."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
            except OSError:
                continue
            state, *rest = tail.split()
            if int(rest[2]) == session and state != "Z":
                found[int(entry.name)] = head.partition("(")[2]
    return found


@contextlib.contextmanager
def session_of(command: list[str], **how: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a command in a session of its own; nothing of it outlives the block.

    Ctrl-C and SIGTERM leave the block as errors do (see `stopped_cleanly`).

    Args:
        command: with its arguments.
        how: passed to `subprocess.Popen`.
    """
    process: subprocess.Popen[Any] = subprocess.Popen(command, start_new_session=True, **how)
    try:
        yield process
    finally:
        while alive := in_session(process.pid):
            for pid in alive:
                # It may have ended since it was found.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        process.wait()


def stopped_cleanly() -> None:
    """Have SIGTERM and Ctrl-C end this script as an error does, so that it ends what it started.

    A background job of a shell without job control ignores Ctrl-C, and so would what it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class TooLongError(BaseException):
    """A call takes too long; not an Exception, so that nothing takes it for its own."""


@dataclass
class Tally:
    """What was tried and what went wrong."""

    tried: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def take(self, what: str, code: str, faults: list[str]) -> None:
        """Count a call; `faults` says what was wrong with it."""
        self.tried += 1
        self.codes[code] = self.codes.get(code, 0) + 1
        if faults:
            self.faults.append({"what": what[:300], "faults": faults})
            print(f"FAULT {what[:300]}: {'; '.join(faults)}", flush=True)

    def end(self, title: str) -> int:
        """Print the counts; return the exit code of the script."""
        counts = {"attack": title, "tried": self.tried, "codes": self.codes}
        print(json.dumps({**counts, "faults": len(self.faults)}))
        return 1 if self.faults else 0


@contextlib.contextmanager
def without_ray_and_network() -> Iterator[list[str]]:
    """Refuse every start of Ray in one line; gather the addresses that somebody connects to."""
    contacts: list[str] = []
    connect, connected, export = socket.socket.connect, connection.connected, exporting.export

    def note(self: socket.socket, address: Any) -> NoReturn:
        contacts.append(str(address))
        raise ConnectionRefusedError("an attack connects to nobody")

    @contextlib.contextmanager
    def refuse(*_: object) -> Iterator[None]:
        raise ValueError(NO_RAY)
        yield

    def no_export(*_: object, **__: object) -> NoReturn:
        # It takes seconds, and looks at nothing more of the folder.
        raise ValueError("no package in this attack")

    socket.socket.connect = note  # type: ignore[assignment,method-assign]
    connection.connected = refuse
    exporting.export = no_export
    try:
        yield contacts
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        connection.connected = connected
        exporting.export = export


def call(arguments: list[str]) -> tuple[int | None, list[str], str]:
    """Call the command here; return its exit code, what is wrong with how it ended, and its words.

    Args:
        arguments: of the command.
    """
    errors, output = io.StringIO(), io.StringIO()
    faults: list[str] = []
    code: int | None = None

    def late(number: int, frame: FrameType | None) -> NoReturn:
        raise TooLongError

    before = [(number, signal.signal(number, late)) for number in (signal.SIGALRM, signal.SIGPROF)]
    signal.alarm(_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, _PROCESSOR_SECONDS)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except TooLongError:
        faults.append(f"takes too long: {_place(6)}")
    except BaseException as error:
        faults.append(f"traceback: {type(error).__name__}: {str(error)[:120]} {_place(3)}")
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before:
            signal.signal(number, handler)
    said = errors.getvalue()
    if code is not None and code not in CODES:
        faults.append(f"exit code {code}")
    if "Traceback" in said:
        faults.append("a traceback on the standard error stream")
    if code in (1, 2) and (said.count("\n") > _MOST_LINES or len(said) > _MOST_CHARACTERS):
        faults.append(f"{said.count(chr(10))} lines, {len(said)} characters")
    if code in (1, 2) and not said.strip():
        faults.append("an exit code without a word")
    return code, faults, said


def _place(depth: int) -> str:
    frames = traceback.extract_tb(sys.exc_info()[2])[-depth:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))


def attack(
    tally: Tally, what: str, arguments: list[str], check: Callable[[int | None], list[str]]
) -> int | None:
    """Call the command, look at what it left, and count it."""
    code, faults, said = call(arguments)
    kind = f"{code}, before Ray" if NO_RAY in said else str(code)
    tally.take(f"{what}: {' '.join(arguments)}", kind, faults + check(code))
    return code
