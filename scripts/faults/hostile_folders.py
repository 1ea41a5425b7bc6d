"""Run folders from strangers: looks at them, resumes and exports them, and counts what went wrong.

    hostile_folders.py [--seconds 120] [--seed 0]

Each case takes a copy of a sound run, changes one thing in it (a value of run.toml, bytes or values
of study.db, weights, pickles, links) and calls every command on it.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attacks
import hostile_studies
import tomli_w

from optcell_search.ledger.request import Request

Change = Callable[[Path, random.Random], str]
HOSTILE: list[Any] = [
    "", "..", "/", "/etc/passwd", "../../../x", "a\0b", "x" * 10**6, "/dev/zero", "/dev/stdin",
    -1, 0, 2**63, 10**30, 1e308, float("nan"), float("inf"), True, [], ["x"], {}, {"x": 1}, [[[]]],
    "journal:///dev/zero", "journal://", "sqlite://", "sqlite:///", "sqlite:////etc/passwd",
    "postgresql://a:secret@127.0.0.1:1/x", "mysql://x", "nosuch://x", "s3://bucket/x", "file:///",
    "http://127.0.0.1:1/", "%00", "{x}", "🦆", "auto", "local", "127.0.0.1:1",
]  # fmt: skip
LINKED = (
    "run.toml", "study.db", "report.html", "ray", "checkpoints", "data", "exports",
    "ray/driver.lock", "study.db-wal", "study.db-shm", "study.db-journal", "checkpoints/0",
    "checkpoints/0/model.safetensors", ".report.html.part",
)  # fmt: skip


class Planted:
    """Unpickled, it says so in a file."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._mark,))


def edit_request(folder: Path, chance: random.Random) -> str:
    """Give a key of run.toml another value, or take it away, or add one."""
    data = Request.read(folder).to_dict()
    key = chance.choice([*data, "unknown", "space.cells", "objectives.0"])
    value = chance.choice(HOSTILE)
    if key == "space.cells":
        data["space"]["cells"] = value
    elif key == "objectives.0":
        data["objectives"] = [value]
    elif value == "" and chance.random() < 0.5 and key in data:
        del data[key]
    else:
        data[key] = value
    try:
        (folder / "run.toml").write_text(tomli_w.dumps(data))
    except (TypeError, ValueError):
        return "not to be written"
    return f"run.toml {key} = {value!r:.40}"


def garble_request(folder: Path, chance: random.Random) -> str:
    """Make run.toml something that is no TOML file, or a strange one."""
    path = folder / "run.toml"
    content = path.read_bytes()
    texts = {
        "empty": b"",
        "NUL": bytes(1000),
        "no UTF-8": b"\xff\xfe" + content,
        "byte order mark": b"\xef\xbb\xbf" + content,
        "a key of 100,000 parts": b".".join([b"a"] * 100_000) + b" = 1\n",
        "a table of 100,000 parts": b"[" + b".".join([b"a"] * 100_000) + b"]\n",
        "100,000 brackets": b"x = " + b"[" * 100_000,
        "10 MB": content + b"#" * 10**7,
        "a number of 10,000 digits": b"seed = " + b"9" * 10_000 + b"\n",
        "cut": content[: chance.randrange(len(content))],
    }
    name = chance.choice(list(texts))
    path.write_bytes(texts[name])
    return f"run.toml: {name}"


def plant_pickles(folder: Path, chance: random.Random) -> str:
    """Put pickles wherever something could be loaded."""
    content = pickle.dumps(Planted(folder.parent / "loaded"))
    places = [f"checkpoints/{n}/{name}" for n in range(4) for name in
              ("training.pt", "model.safetensors", "model.pt")]  # fmt: skip
    places += ["ray/tune/tuner.pkl", "ray/tune/trainable.pkl", "ray/tune/searcher-state.pkl",
               "ray/tune/trial_0/error.pkl", "ray/tune/search_gen_state.pkl"]  # fmt: skip
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    return "pickles"


def damage_weights(folder: Path, chance: random.Random) -> str:
    """Cut weights, or make them something else."""
    path = chance.choice(sorted(folder.glob("checkpoints/*/*")))
    content = path.read_bytes()
    kinds = {
        "empty": b"",
        "cut": content[: chance.randrange(len(content))],
        "NUL": bytes(len(content)),
        "large head": (2**62).to_bytes(8, "little") + content,
        "text": b"{}" * 50,
    }
    name = chance.choice([*kinds, "folder", "pipe"])
    path.unlink()
    if name == "folder":
        path.mkdir()
    elif name == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(kinds[name])
    return f"{path.name}: {name}"


def put_a_link(folder: Path, chance: random.Random) -> str:
    """Put a link to somebody else's file or folder in place of one of the run."""
    name = chance.choice(LINKED)
    path, other = folder / name, folder.parent / "canaries"
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    target = chance.choice([other, other / "photo.jpg", other / "nothing", Path("/dev/zero")])
    path.symlink_to(target)
    return f"{name} → {target.name}"


def name_a_transfer(folder: Path, chance: random.Random) -> str:
    """Add a list of data files that leads elsewhere, and lose the data."""
    import json

    names = ["../../canaries/photo.jpg", str(folder.parent / "canaries/photo.jpg"), "x\0y", "", 3]
    contents = {
        "id": chance.choice(["0" * 32, "../../canaries", "", 7, "f" * 10**6]),
        "task": chance.choice(["tiny.npz", "/etc/passwd", "../x.npz", 3, "digits:x=1"]),
        "files": [chance.choice([*names, "tiny.npz"]) for _ in range(2)],
    }
    (folder / "data" / "files").mkdir(parents=True)
    (folder / "data" / "contents.json").write_text(json.dumps(contents))
    data = Request.read(folder).to_dict()
    (folder / "run.toml").write_text(tomli_w.dumps(data | {"data_dir": "/nowhere"}))
    return f"transfer {contents!r:.80}"


CHANGES: list[Change] = [
    edit_request, edit_request, garble_request, plant_pickles, damage_weights, put_a_link,
    put_a_link, name_a_transfer, *hostile_studies.CHANGES,
]  # fmt: skip


def commands(run: Path, out: Path) -> list[list[str]]:
    """Every command that takes a run folder."""
    name, free = str(run), str(out)
    return [
        ["status", name], ["results", name, "--json"], ["results", name, "--pareto"],
        ["results", name, "--csv", f"{free}.csv"], ["resume", name], ["replay", name, "0"],
        ["finalize", name, "--top", "1", "--seeds", "1"],
        ["dashboard", name, "--html", f"{free}.h"],
        ["export", name, "--trial", "1", "--out", free],
        ["enqueue", name, "0", "lr=0.01"], ["prune", name, "0"],
    ]  # fmt: skip


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def main() -> int:
    """Attack for so many seconds; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", type=int, default=3, help="of all, for each change")
    arguments = parser.parse_args()
    chance, tally = random.Random(arguments.seed), attacks.Tally()
    end = time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory() as name, attacks.without_ray_and_network() as contacts:
        root = Path(name)
        os.environ["XDG_STATE_HOME"] = str(root / "state")
        canaries = root / "canaries"
        (canaries / "0").mkdir(parents=True)
        (canaries / "photo.jpg").write_bytes(bytes(range(256)) * 20)
        (canaries / "0" / "model.safetensors").write_bytes(b"somebody's")
        attacks.make_run(root / "sound")
        attacks.make_run(root / "half", trained=2)
        sound = snapshot(canaries)

        def foreign(_: int | None) -> list[str]:
            faults = [f"connected to {contacts}"] if contacts else []
            contacts.clear()
            if snapshot(canaries) != sound:
                faults.append("changed somebody's file")
            if (root / "loaded").exists():
                faults.append("loaded a pickle")
                (root / "loaded").unlink()
            left = {p.name for p in root.iterdir()} - expected
            if left:
                faults.append(f"left {sorted(left)}")
            return faults

        expected = {p.name for p in root.iterdir()} | {"run", "out", "out.csv", "out.h", "state"}
        while time.monotonic() < end:
            kind = chance.choice(["sound", "half"])
            change = chance.choice(CHANGES)
            shutil.copytree(root / kind, root / "run", symlinks=True)
            what = f"{kind}, {change(root / 'run', chance)}"
            some = chance.sample(commands(root / "run", root / "out"), arguments.commands)
            for command in some:
                attacks.attack(tally, what, command, foreign)
            for made in ("run", "out"):
                shutil.rmtree(root / made, ignore_errors=True)
            for made in ("out.csv", "out.h"):
                (root / made).unlink(missing_ok=True)
    return tally.end("hostile folders")


if __name__ == "__main__":
    sys.exit(main())
