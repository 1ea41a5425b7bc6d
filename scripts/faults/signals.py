"""Signals: starts a search, stops it by Ctrl-C or SIGTERM at moments spread over it, and counts.

    signals.py [--tries 6] [--seed 0] [--earliest 0.5] [--latest 30] [--signal both|SIGINT|SIGTERM]
               [--after gcs_server]

The moments lie evenly between the earliest and the latest one, counted from the start of the
command, or from that of a process of it, such as the first of Ray's. Wrong is another exit code
than 130 (or 0, where it was over first), a traceback, anything left beside the run, a process of
the search that outlives it, a run that cannot be read afterwards, or a message that is not one
line. What comes before Python has begun with the command is Python's own to take, and counted
apart.
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


def wait_for(name: str, process: subprocess.Popen[str]) -> None:
    """Wait until the command has started a process of this name, or has ended."""
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for entry in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in entry.read_text().split():
                try:
                    if Path(f"/proc/{child}/comm").read_text().strip() == name:
                        return
                except OSError:
                    continue
        time.sleep(0.01)


def began(errors: str) -> bool:
    """Whether a process that ended by a signal had come as far as the command."""
    return "in main" in errors or "optcell-search:" in errors


def one(
    root: Path, number: signal.Signals, moment: float, tally: attacks.Tally, after: str
) -> None:
    """Start a search, stop it so long after it, or a process of it, has started, and look."""
    folder = root / f"run-{tally.tried}"
    command = [
        sys.executable, "-c", _PROGRAM, "run", str(root / "tiny.toml"), "--task",
        str(root / "tiny.npz"), "--trials", "200", "--epochs", "20", "--workers", "1", "--out",
        str(folder),
    ]  # fmt: skip
    before = {path.name for path in root.iterdir()}
    faults = []
    with attacks.session_of(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        if after:
            wait_for(after, process)
        time.sleep(moment)
        # A terminal sends Ctrl-C to everybody in it, kill sends to one.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        asked = time.monotonic()
        try:
            _, errors = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, errors = process.communicate()
            faults.append(f"goes on for more than {_SECONDS} s")
        took = time.monotonic() - asked
        deadline = time.monotonic() + 20
        while (alive := attacks.in_session(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.2)
    if alive:
        faults.append(f"outlived by {sorted(alive.values())}")
    code = str(process.returncode)
    if process.returncode in (-signal.SIGINT, -signal.SIGTERM) and not began(errors):
        code = "before the command"
    elif process.returncode not in (0, 130):
        last = (errors.strip().splitlines() or [""])[-1]
        faults.append(f"exit code {code}: {last[:200]}")
    elif len(attacks.complaints(errors)) != (process.returncode == 130):
        faults.append(f"says {errors[-300:]!r}")
    if process.returncode != 0 and folder.exists() and "resume" not in errors:
        faults.append("does not say how to go on")
    left = {path.name for path in root.iterdir()} - before - {folder.name}
    if left:
        faults.append(f"left {sorted(left)}")
    if folder.exists() and Run.open(folder).status()["running"]:
        faults.append("left a trial RUNNING")
    stage = "in the search" if folder.exists() else "before it"
    what = f"{number.name} {moment:.2f} s after {after or 'the start'}, {stage}"
    tally.take(what, code, faults)
    print(f"{what}: {code}, {took:.1f} s later", flush=True)


def main() -> int:
    """Try so often; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--earliest", type=float, default=0.5, help="seconds after the start")
    parser.add_argument("--latest", type=float, default=30.0, help="seconds after the start")
    parser.add_argument("--after", default="", help="the process that the moments count from")
    parser.add_argument("--signal", choices=("both", "SIGINT", "SIGTERM"), default="both")
    arguments = parser.parse_args()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if arguments.signal != "both":
        numbers = [signal.Signals[arguments.signal]]
    step = (arguments.latest - arguments.earliest) / max(1, arguments.tries - 1)
    moments = [arguments.earliest + step * i for i in range(arguments.tries)]
    attacks.stopped_cleanly()
    chance, tally = random.Random(arguments.seed), attacks.Tally()
    chance.shuffle(moments)
    with tempfile.TemporaryDirectory() as name:
        attacks.make_inputs(Path(name))
        for i, moment in enumerate(moments):
            one(Path(name), numbers[i % len(numbers)], moment, tally, arguments.after)
    return tally.end("signals")


if __name__ == "__main__":
    sys.exit(main())
