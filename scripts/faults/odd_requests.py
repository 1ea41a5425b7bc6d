"""Odd requests: calls `run` and the other commands with values nobody means, and counts.

    odd_requests.py [--seconds 60] [--seed 0]

A good request of any command with one to three options replaced or added, up to the moment at
which Ray would start; options are read off the command's own parser. Wrong is a traceback, an exit
code other than 0, 1, 2 or 130, more than a few lines, a long time, or a file left behind.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import attacks

from optcell_search.cli.parser import make_parser

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
# With --force it would replace whatever file of the machine a value names.
LEFT_OUT = ("--help", "--force")
_MEMORY = 24 * 2**30  # bytes of addresses


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    found = make_parser()._subparsers
    assert found is not None
    (action,) = found._group_actions
    return dict(action.choices or {})  # type: ignore[arg-type]


def good(root: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return what each command is called with where nothing is odd: arguments, and options."""
    run, out = str(root / "sound"), str(root / "out")
    return {
        "run": (
            [str(root / "tiny.toml")],
            {"--task": str(root / "tiny.npz"), "--trials": "3", "--out": str(root / "out" / "run")},
        ),
        "enqueue": ([run, "0", "lr=0.01"], {}),
        "prune": ([run, "0"], {}),
        "replay": ([run, "0"], {}),
        # Without --html it would go on serving.
        "dashboard": ([run], {"--html": f"{out}.html"}),
        "export": ([run], {"--out": out}),
        "predict": ([run, str(root / "tiny.npz")], {"--out": f"{out}.csv"}),
        "simulate": ([], {"--trials": "2"}),
        "list": (["rules"], {}),
    }  # and the others with the run alone


def request(root: Path, chance: random.Random) -> list[str]:
    """Return a command with a few odd values, most often `run`."""
    odd = [value.replace("{root}", str(root)) for value in VALUES]
    parsers, usual = commands(), good(root)
    name = "run" if chance.random() < 0.6 else chance.choice(sorted(parsers))
    places, options = map(copy.copy, usual.get(name, ([str(root / "sound")], {})))
    known = [
        action
        for action in parsers[name]._actions
        if action.option_strings and action.option_strings[-1] not in LEFT_OUT
    ]
    flags = []
    for action in chance.sample(known, min(len(known), chance.randint(1, 3))):
        option = action.option_strings[-1]
        if action.nargs == 0:
            flags.append(option)
        else:
            options[option] = chance.choice(odd)
    if places and chance.random() < 0.3:
        places[chance.randrange(len(places))] = chance.choice(odd)
    joined = chance.random() < 0.5
    pairs = [[f"{key}={value}"] if joined else [key, value] for key, value in options.items()]
    return [name, *places, *(part for pair in pairs for part in pair), *flags]


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
        # With the kernels that the user has: to build them takes a minute.
        attacks.make_run(root / "sound")
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        os.chdir(root)
        (root / "state").mkdir()
        (root / "cache").mkdir()
        before = {path.name for path in root.iterdir()}

        def left(code: int | None) -> list[str]:
            new = [path for path in root.iterdir() if path.name not in before]
            for path in new:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            # What was asked for and done is not left behind.
            names = sorted(path.name for path in new)
            return [f"left {names}"] if new and code != 0 else []

        while time.monotonic() < end:
            attacks.attack(tally, "request", request(root, chance), left)
    return tally.end("odd requests")


if __name__ == "__main__":
    sys.exit(main())
