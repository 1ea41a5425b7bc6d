"""Which cells the space `auto` should have for long sequences: validation alone, no test split.

    python bench_long.py [--cells gru,lru,oscillator,lstm] [--seeds 3] [--epochs 40]

Each cell of `auto` behind the front, the read-out and the schedule that `auto` gives data of 400
steps, with its smallest sizes and kernel and a middle learning rate; equal epochs and batches. The
data are `adding`, where two numbers out of 400 steps count, with as many sequences as a small file
has. What is measured already is not measured again. Results are added to ``results/long.json``, and
``results/long.md`` is written from it.
"""

from __future__ import annotations

import argparse
import datetime
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
TASK, STEPS, METRIC = "adding:length=400,examples=2000", 400, "mse"
CHANCE = 1 / 6  # of always answering 1

Row = dict[str, Any]


def recipe(cell: str, task: LoadedTask) -> Candidate:
    """Return a cell behind what `auto` puts around it, with the smallest sizes."""
    sizes = DataSizes(
        sequences=len(task.train), steps=STEPS, readout="last", classes=0, symbols=False
    )
    data = adapted(SearchSpace.load("auto"), sizes).to_dict()
    every = {name: table for name, table in data.get("cell", {}).items() if name == cell}
    data |= {"cells": [cell], "cell": every, "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}
    data["model"] |= {
        "hidden_size": 64, "front": "serial", "front_width": 64, "front_kernel": 3,
        "front_depth": 2, "readout": "mean_max", "readout_dropout": 0.2,
    }  # fmt: skip
    data["training"] |= {
        "lr": 3e-3, "weight_decay": 1e-2, "averaging": 0.0, "jitter": 0.0, "slicing": 0.0,
    }  # fmt: skip
    (plain,) = SearchSpace.from_dict(data).plain()
    return plain


def measure(cell: str, seed: int, epochs: int, task: LoadedTask) -> Row:
    """Return where a training stands on validation after every epoch."""
    candidate = recipe(cell, task)
    training = Training(candidate, task, seed=trial_seed(seed, candidate.key), epochs=epochs)
    start = time.process_time()
    curve = [round(training.epoch()[METRIC], 5) for _ in range(epochs)]
    seconds = round(time.process_time() - start, 1)
    return {"cell": cell, "seed": seed, "epochs": epochs, "curve": curve, "seconds": seconds,
            "date": datetime.date.today().isoformat(),
            "machine": f"{platform.machine()}, torch {torch.__version__}, one thread"}  # fmt: skip


def page(rows: list[Row]) -> str:
    """Return the page."""
    lines = [
        "# Cells of the space `auto` on long sequences",
        "",
        "Made by `scripts/benchmarks/training/bench_long.py`; do not edit. "
        f"`{TASK}`, each cell behind the front, both directions, read-out and schedule of `auto`; "
        f"mean squared error on validation after the last epoch, mean ± standard deviation over "
        f"seeds (always answering 1 has {CHANCE:.4f}); processor seconds of a training; difference "
        "with its 95 % interval (Welch), not corrected. No test split was read.",
        "",
        "| cell | epochs | seeds | validation mse | seconds | less gru |",
        "|---" * 6 + "|",
    ]
    for epochs in sorted({row["epochs"] for row in rows}):
        of = [row for row in rows if row["epochs"] == epochs]
        plain = Moments.of([row["curve"][-1] for row in of if row["cell"] == "gru"])
        for cell in dict.fromkeys(row["cell"] for row in of):
            own = [row for row in of if row["cell"] == cell]
            ends = Moments.of([row["curve"][-1] for row in own])
            seconds = sum(row["seconds"] for row in own) / len(own)
            apart = difference(ends, plain)
            said = f"{apart.mean:+.4f}"
            if apart.low is not None and apart.high is not None:
                said += f" [{apart.low:+.4f}, {apart.high:+.4f}]"
            lines.append(
                f"| {cell} | {epochs} | {len(own)} | {ends.mean:.4f} ± {ends.deviation or 0:.4f} "
                f"| {seconds:.0f} | {'' if cell == 'gru' else said} |"
            )
    machines = sorted({f"{row['date']} on {row['machine']}" for row in rows})
    return "\n".join([*lines, "", f"Measured {'; '.join(machines)}."]) + "\n"


def main() -> None:
    """Measure what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="gru,lru,oscillator,lstm")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "long.json"
    rows: list[Row] = json.loads(path.read_text()) if path.is_file() else []
    task = tasks.load(TASK)
    for seed in range(args.seeds):
        for cell in args.cells.split(","):
            known = (cell, seed, args.epochs)
            if any(known == (row["cell"], row["seed"], row["epochs"]) for row in rows):
                continue
            rows.append(measure(*known, task))
            print(*known, rows[-1]["curve"][-1], rows[-1]["seconds"], flush=True)
            path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
            (RESULTS / "long.md").write_text(page(rows))


if __name__ == "__main__":
    sys.exit(main())
