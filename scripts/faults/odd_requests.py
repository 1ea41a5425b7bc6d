"""Odd requests: calls `run` and the other commands with values nobody means, and counts.

    odd_requests.py [--seconds 60] [--seed 0]

A good request with one to three options replaced, up to the moment at which Ray would start. Wrong
is a traceback, an exit code other than 0, 1, 2 or 130, more than a few lines, a long time, or a
file left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import attacks

VALUES = [
    "", " ", "-", "--", "-1", "0", "1", "1.5", "nan", "inf", "-inf", "1e400", "1e-400", "10" * 12,
    "9" * 30, "9" * 5000, "auto", "none", "tpe", "grid", "🦆", "a\nb", "a" * 300, "../..", "/", ".",
    "~", "/dev/null", "/dev/zero", "/dev/stdin", "/etc/passwd", "/proc/self/mem", "{x}", "%s",
    "a,b", "accuracy,accuracy", "parameters<=nan", "parameters<=1e400", "accuracy>=1=2", "<=",
    "\udcff", "sqlite://", "sqlite:///", "sqlite:////proc/x.db", "sqlite:///{root}/new/x.db", "journal://",
    "journal:///", "journal:///dev/null", "journal://{root}/tiny.npz", "postgresql://",
    "mysql://h/d", "postgresql://a:secret@127.0.0.1:1/d", "s3://", "file:///", "http://[",
    "127.0.0.1:1", "[::1]:x", "127.0.0.1:99999", "ray://127.0.0.1:1", "nosuch://x", "mlflow",
    "cuda", "digits", "digits:", "digits:x=1", "digits:steps=rows,steps=rows",
    "copying:lag=1000000", "adding:length=1000000", "copying:lag=-1", "adding:length=0",
    "mnist1d:x",
    "smoke", "everything", "{root}", "{root}/tiny.npz", "{root}/tiny.toml",
]  # fmt: skip
OPTIONS = [
    "--task", "--trials", "--out", "--objectives", "--constraint", "--epochs", "--data-dir",
    "--sampler", "--scheduler", "--seed", "--repeats", "--workers", "--threads", "--gpus-per-trial",
    "--device", "--callback", "--address", "--study", "--storage", "--checkpoint-gib", "SPACE",
]  # fmt: skip
_MEMORY = 24 * 2**30  # bytes of addresses


def request(root: Path, chance: random.Random) -> list[str]:
    """Return a command: `run` with a few odd values, at times another command."""
    odd = [value.replace("{root}", str(root)) for value in VALUES]
    if chance.random() < 0.15:
        name = chance.choice(
            ["status", "results", "resume", "replay", "finalize", "export", "list"]
        )
        return [name, *(chance.choice(odd) for _ in range(chance.randint(1, 3)))]
    good = {
        "SPACE": str(root / "tiny.toml"), "--task": str(root / "tiny.npz"), "--trials": "3",
        "--out": str(root / "out" / "run"),
    }  # fmt: skip
    for option in chance.sample(OPTIONS, chance.randint(1, 3)):
        good[option] = chance.choice(odd)
    space = good.pop("SPACE")
    joined = chance.random() < 0.5
    pairs = [[f"{option}={value}"] if joined else [option, value] for option, value in good.items()]
    return ["run", space, *(part for pair in pairs for part in pair)]


def main() -> int:
    """Try for so many seconds; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, tally = random.Random(arguments.seed), attacks.Tally()
    end = time.monotonic() + arguments.seconds
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with tempfile.TemporaryDirectory() as name, attacks.without_ray_and_network():
        root = Path(name)
        os.environ["XDG_STATE_HOME"] = str(root / "state")
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        attacks.make_inputs(root)
        os.chdir(root)
        (root / "state").mkdir()
        (root / "cache").mkdir()
        before = {path.name for path in root.iterdir()}

        def left(_: int | None) -> list[str]:
            new = {path.name for path in root.iterdir()} - before
            before.update(new)
            return [f"left {sorted(new)}"] if new else []

        while time.monotonic() < end:
            attacks.attack(tally, "request", request(root, chance), left)
    return tally.end("odd requests")


if __name__ == "__main__":
    sys.exit(main())
