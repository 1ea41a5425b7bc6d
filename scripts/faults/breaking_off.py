"""What breaks off in the middle: a node that is killed in `finalize`, a disk that turns read-only.

    breaking_off.py [--only finalize|disk]

Each is called on a small run of its own, on a real Ray. Wrong is a traceback, more than one line,
another exit code than 1, a trial or a seed that is lost, or a run that does not go on afterwards.
The disk takes root, a loop device and ext4.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import attacks

from optcell_search.ledger.format import finalized_in
from optcell_search.results import load
from optcell_search.tuning import Run

_PROGRAM = [
    sys.executable,
    "-c",
    "import sys; from optcell_search.cli import main; sys.exit(main())",
]
_SECONDS = 400
_MIBIBYTES = 48


def started(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Call the command in a session of its own, which ends with the block."""
    return attacks.session_of(
        [*_PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def call(*arguments: str) -> tuple[int, str]:
    """Call the command; return how it ended, and its words."""
    with started(*arguments) as process:
        return end(process)


def wait(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """Wait until something is so, or the process has ended."""
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and not ready() and time.monotonic() < deadline:
        time.sleep(0.1)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return how a process ended, and its words."""
    try:
        _, errors = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return -1, process.communicate()[1]
    return process.returncode, errors


def node_of(process: subprocess.Popen[str]) -> int:
    """Return the raylet that a process has started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "stat").exists():
            head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
            if head.endswith("(raylet") and int(tail.split()[3]) == process.pid:
                return int(entry.name)
    raise RuntimeError("no node")


def take(tally: attacks.Tally, what: str, code: int, said: str, faults: list[str]) -> None:
    """Count how a command ended, and print it."""
    tally.take(what, str(code), faults)
    print(f"{what}: {code} {said.strip()[:300]}", flush=True)


def judge(code: int, said: str, expected: int = 1) -> list[str]:
    """Return what is wrong with how a command ended."""
    faults = [] if code == expected else [f"exit code {code}"]
    if len(attacks.complaints(said.strip())) != (expected != 0):
        faults.append(f"says {said[-600:]!r}")
    return faults


def finalize(root: Path, tally: attacks.Tally) -> None:
    """Kill the node of a `finalize` when it has done a seed; then ask again."""
    folder = root / "run"
    attacks.make_run(folder)
    asked = ["finalize", str(folder), "--top", "1", "--seeds", "2", "--epochs", "600"]

    def done() -> dict[int, int]:
        found = finalized_in(load(folder).user_attrs)
        return {number: len(record["seeds"]) for number, record in found.items()}

    with started(*asked) as process:
        wait(process, lambda: bool(done()))
        os.kill(node_of(process), signal.SIGKILL)
        code, said = end(process)
        left = attacks.in_session(process.pid).values()
    faults = judge(code, said)
    before = done()
    if "raylet" in left:
        faults.append(f"left {sorted(left)}")
    take(tally, "a raylet killed in finalize", code, said, faults)
    code, said = call(*asked)
    faults = judge(code, said, 0)
    # Beside the best one, the plain cell that it is compared with is trained.
    if not before or not before.keys() <= done().keys() or {*done().values()} != {2}:
        faults.append(f"seeds {before}, then {done()}")
    take(tally, "finalize asked for again", code, said, faults)


def disk(root: Path, tally: attacks.Tally) -> None:
    """Have the file system of a run turn read-only in mid-run, as after a fault of a disk."""
    image, mounted = root / "image", root / "disk"
    mounted.mkdir()
    image.write_bytes(bytes(_MIBIBYTES * 2**20))
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=True)
    space, data = attacks.make_inputs(root)
    folder = mounted / "run"

    def complete() -> int:
        return int(Run.open(folder).status()["complete"]) if (folder / "run.toml").exists() else 0

    try:
        with started(
            "run", str(space), "--task", str(data), "--trials", "8", "--epochs", "60",
            "--workers", "1", "--out", str(folder), "--checkpoint-gib", "0.01",
            "--scheduler", "none", "--sampler", "random",
        ) as process:  # fmt: skip
            wait(process, lambda: complete() >= 3)
            before = complete()
            subprocess.run(["mount", "-o", "remount,abort", str(mounted)], check=False)
            code, said = end(process)
        take(tally, "a disk read-only in mid-run", code, said, judge(code, said))
        for command in (["status", str(folder)], ["results", str(folder), "--json"]):
            code, said = call(*command)
            take(tally, f"read-only, {command[0]}", code, said, judge(code, said, 0))
        code, said = call("resume", str(folder))
        faults = judge(code, said, code if code in (1, 2) else 1)
        take(tally, "read-only, resume", code, said, faults)
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)
    # What is still open somewhere keeps the faulty one alive: a copy is a disk of its own.
    mended = Path(shutil.copy(image, root / "mended"))
    subprocess.run(["fsck.ext4", "-y", str(mended)], check=False, capture_output=True)
    subprocess.run(["mount", "-o", "loop", str(mended), str(mounted)], check=True)
    try:
        after = complete()
        code, said = call("resume", str(folder))
        faults = judge(code, said, 0)
        # What was told in the last moment may not have come to the disk; what came stays.
        if not before - 1 <= after or complete() != 8:
            faults.append(f"{before} complete, then {after}, in the end {complete()}")
        take(tally, "resume on a mended disk", code, said, faults)
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def main() -> int:
    """Break both off; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=("finalize", "disk"))
    arguments = parser.parse_args()
    attacks.stopped_cleanly()
    tally = attacks.Tally()
    for kind in (finalize, disk):
        if arguments.only in (None, kind.__name__):
            with tempfile.TemporaryDirectory() as name:
                kind(Path(name), tally)
    return tally.end("breaking off")


if __name__ == "__main__":
    sys.exit(main())
