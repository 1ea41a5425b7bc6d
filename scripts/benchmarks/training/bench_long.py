"""Which cells the space `auto` should have for long sequences: validation alone, no test split.

    python bench_long.py [--tasks adding,copying] [--cells gru,lru,oscillator,lstm] [--seeds 3]
                         [--epochs 40]

Each cell of `auto` with the model and the schedule that `auto` gives the data, its smallest sizes
and kernel and a middle learning rate; equal epochs and batches. `adding` has one answer, to which
two numbers out of 400 steps count; `copying` has an answer at every step, the last ten of which are
what was seen 400 steps before. Both have as many sequences as a small file. What is measured
already is not measured again. Results are added to ``results/long.json``, and ``results/long.md``
is written from it.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch

from optcell_search import tasks
from optcell_search.results.intervals import Moments, difference
from optcell_search.space import Candidate, SearchSpace, trial_seed
from optcell_search.space.adapting import DataSizes, adapted
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training

RESULTS = Path(__file__).parents[1] / "results"
# With the score of guessing: of always answering 1, and of any of eight symbols.
TASKS = {
    "adding": ("adding:length=400,examples=2000", "mse", 1 / 6),
    "copying": ("copying:lag=400,examples=2000", "accuracy", 1 / 8),
}

Row = dict[str, Any]


def recipe(cell: str, task: LoadedTask) -> Candidate:
    """Return a cell behind what `auto` puts around it, with the smallest sizes."""
    sizes = DataSizes(
        sequences=len(task.train),
        steps=task.train.inputs.shape[1],
        readout=task.readout,
        classes=getattr(task.goal, "classes", 0),
        symbols=task.symbols,
    )
    data = adapted(SearchSpace.load("auto"), sizes).to_dict()
    every = {name: table for name, table in data.get("cell", {}).items() if name == cell}
    data |= {"cells": [cell], "cell": every, "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}
    data["model"] |= {"hidden_size": 64, "readout_dropout": 0.2}
    if task.readout == "last":
        data["model"] |= {
            "front": "serial", "front_width": 64, "front_kernel": 3, "front_depth": 2,
            "readout": "mean_max",
        }  # fmt: skip
    else:
        data["model"] |= {"front": "none"}
    data["training"] |= {
        "lr": 3e-3, "weight_decay": 1e-2, "averaging": 0.0, "jitter": 0.0, "slicing": 0.0,
        "label_smoothing": 0.0,
    }  # fmt: skip
    (plain,) = SearchSpace.from_dict(data).plain()
    return plain


def measure(name: str, cell: str, seed: int, epochs: int, task: LoadedTask) -> Row:
    """Return where a training stands on validation after every epoch."""
    candidate = recipe(cell, task)
    training = Training(candidate, task, seed=trial_seed(seed, candidate.key), epochs=epochs)
    start = time.process_time()
    curve = [round(training.epoch()[TASKS[name][1]], 5) for _ in range(epochs)]
    seconds = round(time.process_time() - start, 1)
    return {
        "task": name,
        "cell": cell,
        "seed": seed,
        "epochs": epochs,
        "curve": curve,
        "seconds": seconds,
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, torch {torch.__version__}, one thread",
    }


def page(rows: list[Row]) -> str:
    """Return the page."""
    lines = [
        "# Cells of the space `auto` on long sequences",
        "",
        "Made by `scripts/benchmarks/training/bench_long.py`; do not edit. Each cell with the "
        "model and the schedule of `auto`; the score on validation after the last epoch, mean ± "
        "standard deviation over seeds; processor seconds of a training; difference with its 95 % "
        "interval (Welch), not corrected. No test split was read.",
        "",
        "| task | score | guessing | cell | epochs | seeds | validation | seconds | less gru |",
        "|---" * 9 + "|",
    ]
    for name, (spec, metric, chance) in TASKS.items():
        of = [row for row in rows if row["task"] == name]
        plain = [row["curve"][-1] for row in of if row["cell"] == "gru"]
        for cell in dict.fromkeys(row["cell"] for row in of):
            own = [row for row in of if row["cell"] == cell]
            ends = Moments.of([row["curve"][-1] for row in own])
            said = ""
            if cell != "gru" and plain:
                apart = difference(ends, Moments.of(plain))
                said = f"{apart.mean:+.4f}"
                if apart.low is not None and apart.high is not None:
                    said += f" [{apart.low:+.4f}, {apart.high:+.4f}]"
            lines.append(
                f"| `{spec}` | {metric} | {chance:.3f} | {cell} | {own[0]['epochs']} | {len(own)} "
                f"| {ends.mean:.4f} ± {ends.deviation or 0:.4f} "
                f"| {sum(row['seconds'] for row in own) / len(own):.0f} | {said} |"
            )
    machines = sorted({f"{row['date']} on {row['machine']}" for row in rows})
    return "\n".join([*lines, "", f"Measured {'; '.join(machines)}."]) + "\n"


def main() -> None:
    """Measure what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--cells", default="gru,lru,oscillator,lstm")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "long.json"
    rows: list[Row] = json.loads(path.read_text()) if path.is_file() else []
    for name in args.tasks.split(","):
        task = tasks.load(TASKS[name][0])
        for seed, cell in itertools.product(range(args.seeds), args.cells.split(",")):
            known = (name, cell, seed, args.epochs)
            if any(
                known == tuple(row[n] for n in ("task", "cell", "seed", "epochs")) for row in rows
            ):
                continue
            rows.append(measure(*known, task))
            print(*known, rows[-1]["curve"][-1], rows[-1]["seconds"], flush=True)
            path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
            (RESULTS / "long.md").write_text(page(rows))


if __name__ == "__main__":
    sys.exit(main())
