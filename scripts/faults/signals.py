"""Signals: starts a search and stops it at a random moment by Ctrl-C or SIGTERM, and counts.

    signals.py [--tries 6] [--seed 0] [--latest 30]

Wrong is another exit code than 130 (or 0, where it was over first), a traceback, a hidden folder
left behind, a process of the search that outlives it, or a run that cannot be read afterwards.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attacks

from optcell_search.tuning import Run

_PROGRAM = "import sys; from optcell_search.cli import main; sys.exit(main())"
_SECONDS = 60


def in_session(session: int) -> list[str]:
    """Return the names of the processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
            except OSError:
                continue
            state, *rest = tail.split()
            if int(rest[2]) == session and state != "Z":
                found.append(head.partition("(")[2])
    return found


def one(root: Path, chance: random.Random, latest: float, tally: attacks.Tally) -> None:
    """Start a search, stop it, and look."""
    number = chance.choice([signal.SIGINT, signal.SIGTERM])
    folder, moment = root / f"run-{tally.tried}", chance.uniform(0.5, latest)
    command = [
        sys.executable, "-c", _PROGRAM, "run", str(root / "tiny.toml"), "--task",
        str(root / "tiny.npz"), "--trials", "200", "--epochs", "20", "--workers", "1", "--out",
        str(folder),
    ]  # fmt: skip
    before = {path.name for path in root.iterdir()}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(moment)
    # A terminal sends Ctrl-C to everybody in it, kill sends to one.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    faults = []
    try:
        _, errors = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        faults.append(f"goes on for more than {_SECONDS} s")
    # Before Python has come to our code it says so in its own way.
    early = process.returncode in (-signal.SIGINT, -signal.SIGTERM) or "import" in errors
    if process.returncode not in (0, 130) and not (early and not folder.exists()):
        last = (errors.strip().splitlines() or [""])[-1]
        faults.append(f"exit code {process.returncode}: {last[:200]}")
    if "Traceback" in errors and not early:
        faults.append("a traceback")
    if process.returncode != 0 and folder.exists() and "resume" not in errors:
        faults.append("does not say how to go on")
    hidden = {path.name for path in root.iterdir()} - before - {folder.name}
    if hidden:
        faults.append(f"left {sorted(hidden)}")
    deadline = time.monotonic() + 20
    while (alive := in_session(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.5)
    if alive:
        faults.append(f"outlived by {alive}")
        os.killpg(process.pid, signal.SIGKILL)
    if folder.exists() and Run.open(folder).status()["running"]:
        faults.append("left a trial RUNNING")
    tally.take(f"{number.name} after {moment:.1f} s", str(process.returncode), faults)
    print(f"{number.name} after {moment:.1f} s: {process.returncode}", flush=True)


def main() -> int:
    """Try so often; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latest", type=float, default=30.0, help="seconds after the start")
    arguments = parser.parse_args()
    chance, tally = random.Random(arguments.seed), attacks.Tally()
    with tempfile.TemporaryDirectory() as name:
        attacks.make_inputs(Path(name))
        for _ in range(arguments.tries):
            one(Path(name), chance, arguments.latest, tally)
    return tally.end("signals")


if __name__ == "__main__":
    sys.exit(main())
