"""Full disks: does what writes outside of training with little room left, and counts.

    full_disks.py [--tries 40] [--seed 0]

On a file system of its own (mounting one takes root) so many bytes are left free, at random, and a
run is made, looked at, reported, exported or resumed with nothing left to train. Wrong is a
traceback, a half-written file, a run that cannot be read afterwards, or a trial that is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attacks

from optcell_search.tuning import Run

_ROOM = 16 * 2**20  # bytes
_MOST_LEFT = 6 * 2**20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system with little room."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(folder)]
    subprocess.run(options, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Write a file that leaves so many bytes free."""
    stat = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - leave)))


def commands(disk: Path) -> list[list[str]]:
    """What writes without training."""
    run = str(disk / "run")
    return [
        ["results", run, "--csv", str(disk / "all.csv")],
        ["dashboard", run, "--html", str(disk / "page.html")],
        ["resume", run], ["status", run],
        ["export", run, "--trial", "1", "--out", str(disk / "winner")],
        ["run", str(disk.parent / "tiny.toml"), "--task", str(disk.parent / "tiny.npz"),
         "--trials", "2", "--out", str(disk / "new"), "--checkpoint-gib", "0"],
    ]  # fmt: skip


def main() -> int:
    """Try so often; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, tally = random.Random(arguments.seed), attacks.Tally()
    with (
        tempfile.TemporaryDirectory() as name,
        attacks.without_ray_and_network(),
        small_disk(Path(name) / "disk") as disk,
    ):
        os.environ["XDG_STATE_HOME"] = str(Path(name) / "state")
        attacks.make_run(Path(name) / "run")
        for _ in range(arguments.tries):
            shutil.copytree(Path(name) / "run", disk / "run")
            (disk / "run" / "report.html").unlink()
            before = sorted(path.name for path in disk.iterdir())
            leave = chance.choice([0, chance.randrange(2**16), chance.randrange(_MOST_LEFT)])
            fill(disk, leave)

            def left(code: int | None, names: list[str] = before) -> list[str]:
                (disk / "ballast").unlink()
                faults = []
                new = {path.name for path in disk.iterdir()} - set(names)
                if code != 0 and new:
                    faults.append(f"left {sorted(new)}")
                drafts = [path.name for path in disk.rglob(".*")]
                if drafts:
                    faults.append(f"left {drafts}")
                if Run.open(disk / "run").status()["complete"] != 3:
                    faults.append("lost a trial")
                return faults

            command = chance.choice(commands(disk))
            attacks.attack(tally, f"{leave} bytes left", command, left)
            for path in disk.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return tally.end("full disks")


if __name__ == "__main__":
    sys.exit(main())
