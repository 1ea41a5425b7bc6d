"""From files of one's own to predictions, in four commands each, none of them code.

    python scripts/benchmarks/own_data/demo.py OUT [vibration forecast targets text long]

It makes a file of measurements as they come (`examples`), runs `run`, `finalize`, `export` and
`predict` on it, and compares the predictions of the sequences that were held back, as a second raw
file, with what `finalize` has noted for the exported weights: they have to be the same. OUT keeps
all files, and what it has done already is not done again; OUT/own_data.md is the table of all, as
``scripts/benchmarks/results`` has it.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
import sys
from pathlib import Path

import torch
from examples import EXAMPLES, Example
from watched import Taken

from optcell_search import tasks

COMMAND = [sys.executable, "-m", "optcell_search.cli"]
STEPS = ("run", "finalize", "export", "predict")
ABOUT = """# Files of one's own, four commands

`python scripts/benchmarks/own_data/demo.py OUT`: a file is made, then `run`, `finalize` (the best
candidate and the plain cell, two seeds each), `export` and `predict` of the sequences that were
held back, as a second raw file. *In finalize* and *in predict* are the metric on those sequences
that `finalize` noted for the exported weights, and that of the file of predictions; where they
differ, the script ends with an error. Seconds are those on the clock and, behind the slash, of
processor, of a command and all that it starts; GiB are the most that these held together, what they
share not counted. Few and short trainings: no claim about what is possible.
"""


def demonstrate(name: str, example: Example, folder: Path) -> str:
    """Run the four commands of an example; return what they took and came to, as a line."""
    folder.mkdir(parents=True)
    task = example.make(folder)
    second = folder / example.second
    raw = tasks.load(task).raw("test")
    if isinstance(raw, str):
        second.write_text(raw, encoding="utf-8")
    else:
        raw.to_csv(second, index=False)
    run, package, out = (str(folder / part) for part in ("run", "winner", "predictions.csv"))
    arguments = [
        ["run", *example.search, "--task", task, "--out", run],
        ["finalize", run, "--top", "1", "--seeds", "2"],
        ["export", run, "--out", package],
        ["predict", package, str(second), "--out", out, *["--proba"] * example.proba],
    ]
    taken = [Taken.run([*COMMAND, *given]) for given in arguments]
    config = json.loads(Path(package, "config.json").read_text(encoding="utf-8"))
    noted = config["scores"]["test"][example.metric][config["weights"]["place"] - 1]
    found = example.score(second, Path(out))
    if not abs(found - noted) <= example.same * abs(noted):
        raise SystemExit(f"{name}: predict has {found}, finalize {noted}")
    cells = [f"{name}: {example.about}", example.metric, f"{noted:.6g}", f"{found:.6g}"]
    cells += [f"{one.seconds:.0f} / {one.processor:.0f}" for one in taken]
    total = sum(one.seconds for one in taken), sum(one.processor for one in taken)
    cells += [f"{total[0]:.0f} / {total[1]:.0f}", f"{max(o.memory for o in taken) / 2**30:.1f}"]
    return f"| {' | '.join(cells)} |"


def table(lines: list[str]) -> str:
    """Return the page of results."""
    machine = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch "
        f"{torch.__version__}, Python {platform.python_version()}."
    )
    names = ["file", "metric", "in finalize", "in predict", *STEPS, "all", "GiB"]
    rule = "|".join(["---"] * len(names))
    return "\n".join([ABOUT, machine, "", f"| {' | '.join(names)} |", f"|{rule}|", *lines, ""])


def main(where: Path, chosen: list[str]) -> None:
    """Run the examples that are named, or all, and write the table of all that were run."""
    for name in chosen or EXAMPLES:
        line = where / name / "line.txt"
        if not line.is_file():
            shutil.rmtree(where / name, ignore_errors=True)
            line.write_text(demonstrate(name, EXAMPLES[name], where / name), encoding="utf-8")
        print(line.read_text(encoding="utf-8"), flush=True)
    files = [where / name / "line.txt" for name in EXAMPLES]
    lines = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    (where / "own_data.md").write_text(table(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
