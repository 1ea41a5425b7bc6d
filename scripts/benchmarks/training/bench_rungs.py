"""What an unfinished training says about its end: rank correlations at each rung.

    python bench_rungs.py [--candidates 24] [--part 0/2] [--schedule one_cycle]

Random candidates of the space `auto` are trained on 100 sequences of MNIST-1D and judged by 1,000
others of its training and validation data; no test split is read. Beside the score at a share of
the epochs stands that of a training that has so many epochs alone, and a cycle of its own. Rows are
added to ``results/rungs.json``, and ``results/rungs.md`` is written from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn.model_selection import train_test_split

from optcell_search import tasks
from optcell_search.space import AUTO, Candidate, SearchSpace, adapted, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.joining import joined
from optcell_search.training import Training, evaluate, sizes_of

RESULTS = Path(__file__).parents[1] / "results"
SHARES = (1 / 9, 1 / 4, 1 / 3, 1 / 2, 2 / 3)
STEPS, FEW, JUDGES = 1000, 100, 1000
HEAD = """# What an unfinished training says about its end

Random candidates of the space `auto`, each under the learning rate that a column names, trained on
100 sequences of MNIST-1D and judged by 1,000 others; no test split was read. Kendall's τ between
the score after a share of the epochs and that at the end, with 95 % intervals by drawing candidates
anew (2,000 times). A short cycle: between the score of a training with so many epochs alone, a
cycle of its own, and the end of that under one cycle. Written by
`scripts/benchmarks/training/bench_rungs.py`.
"""
SCHEDULES = {
    "one_cycle": {"schedule": "one_cycle"},
    "cosine": {"schedule": "cosine"},
    "cosine, warm-up 0.1": {"schedule": "cosine", "warmup": 0.1},
    "constant": {"schedule": "constant"},
}


def scores(candidate: Candidate, task: LoadedTask, judges: Any, epochs: int) -> list[float]:
    """Return the accuracy after each epoch that a share ends with, and at the end."""
    training = Training(candidate, task, seed=trial_seed(0, candidate.key, 0), epochs=epochs)
    ends = {math.ceil(share * epochs) for share in SHARES} | {epochs}
    found = []
    for epoch in range(1, epochs + 1):
        training.epoch()
        if epoch in ends:
            found.append(evaluate(training.model, judges, task)["accuracy"])
    return found


def measure(candidate: Candidate, task: LoadedTask, judges: Any) -> dict[str, Any]:
    """Return what a candidate came to on the way, and under one cycle with fewer epochs alone."""
    epochs = math.ceil(STEPS / math.ceil(FEW / candidate.training.batch_size))
    way = scores(candidate, task, judges, epochs)
    short = SHARES[:3] if candidate.training.schedule == "one_cycle" else ()
    return {
        "key": candidate.key,
        "way": way[:-1],
        "own": [scores(candidate, task, judges, math.ceil(part * epochs))[-1] for part in short],
        "end": way[-1],
        "date": datetime.date.today().isoformat(),
    }


def page(rows: list[dict[str, Any]]) -> str:
    """Return the whole page."""
    under = {name: [row for row in rows if row["schedule"] == name] for name in SCHEDULES}
    under = {name: those for name, those in under.items() if len(those) > 2}
    heads = ["share of the epochs", "a short cycle", *under]
    lines = [HEAD, f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for place, share in enumerate(SHARES):
        short = _tau(under["one_cycle"], "own", place) if place < 3 else ""
        told = [short, *(_tau(those, "way", place) for those in under.values())]
        lines.append(f"| {share:.2f} | {' | '.join(told)} |")
    dates = ", ".join(sorted({row["date"] for row in rows}))
    counts = ", ".join(f"{name} {len(those)}" for name, those in under.items())
    return "\n".join([*lines, "", f"Candidates: {counts}. Measured {dates}."]) + "\n"


def _tau(rows: list[dict[str, Any]], kind: str, place: int) -> str:
    scores = np.array([row[kind][place] for row in rows])
    end = np.array([row["end"] for row in rows])
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        index = random.integers(0, len(end), len(end))
        drawn.append(stats.kendalltau(scores[index], end[index]).statistic)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{stats.kendalltau(scores, end).statistic:+.2f} [{low:+.2f}, {high:+.2f}]"


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--schedule", choices=SCHEDULES, default="one_cycle")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "rungs.json"
    task = tasks.load("mnist1d")
    whole = joined(task.train, task.validation)
    index = np.arange(len(whole))
    chosen, others = train_test_split(
        index, train_size=FEW, stratify=whole.targets.numpy(), random_state=0
    )
    train, judges = (whole.part(torch.from_numpy(part)) for part in (chosen, others[:JUDGES]))
    few = task.split_anew(train, judges.part(torch.arange(FEW)))
    space = adapted(SearchSpace.load(AUTO), sizes_of(few))
    part, parts = map(int, args.part.split("/"))
    for number in range(part, args.candidates, parts):
        candidate = space.sample(seed=number)
        settings = dataclasses.replace(candidate.training, share=1.0, **SCHEDULES[args.schedule])
        candidate = dataclasses.replace(candidate, training=settings)
        rows = json.loads(path.read_text()) if path.is_file() else []
        if any(row["key"] == candidate.key for row in rows):
            continue
        row = {"schedule": args.schedule, **measure(candidate, few, judges)}
        # Read anew: another part may have added to it in the meantime.
        rows = [*(json.loads(path.read_text()) if path.is_file() else []), row]
        print(number, [round(value, 3) for value in (*row["way"], row["end"], *row["own"])],
              flush=True)  # fmt: skip
        path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
        (RESULTS / "rungs.md").write_text(page(rows))


if __name__ == "__main__":
    sys.exit(main())
