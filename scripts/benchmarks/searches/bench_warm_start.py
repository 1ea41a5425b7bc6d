"""A warm start from mixtures of rules against none, and against random search at equal cost.

    python scripts/benchmarks/searches/bench_warm_start.py [--sets digits,mnist1d] [--searches 10]
        [--trials 40] [--epochs 10] [--out FOLDER]

For each set and seed three searches of the same space: TPE behind a warm start, TPE without, and
random search, each with one worker of one thread. Cost is epochs of training, what was pruned
included, and those of mixtures counted by what they take (`bench_mixture.py`): unlike seconds they
are the same however busy the machine. The budget of a seed is as far as all three have come, so
that what is compared has cost the same. What is compared is the best validation accuracy of a whole
training so far, mixtures left out, as the space does not hold them; the test split is not read.
Differences are paired by seed, with Student's 95 % interval.

Searches that are in ``results/warm_start.json`` are not done again; ``results/warm_start.md`` is
written from it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optcell_search
from optcell_search.ledger.format import epochs_in
from optcell_search.results.intervals import Moments
from optcell_search.space import MIXTURE

RESULTS = Path(__file__).parents[1] / "results"
WAYS: dict[str, dict[str, Any]] = {
    "warm start": {"warm_start": MIXTURE},
    "none": {},
    "random": {"sampler": "random"},
}
SPACE: dict[str, Any] = {
    "name": "warm_start",
    "cells": ["lstm"],
    "rules": ["gd", "heavy_ball", "nesterov", "adam", "rmsprop"],
    "model": {"hidden_size": 32},
    "training": {
        "lr": {"low": 1e-3, "high": 1e-2, "log": True},
        "batch_size": 32,
        "optimizer": "adam",
    },
}
QUARTER, WHOLE = 0.25, 1.0
# Epochs of one rule that one of a mixture of five takes as long as.
OF_MIXTURE = 3.0
Row = dict[str, Any]


def measure(task: str, seed: int, way: str, trials: int, epochs: int) -> Row:
    """Search once; return what each trial cost and came to, in the order in which they ended."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        run = optcell_search.search(
            SPACE, task, trials, Path(folder) / "run", seed=seed, epochs=epochs, workers=1,
            threads=1, population=1, **WAYS[way],
        )  # fmt: skip
        ended = sorted(run._study.get_trials(), key=lambda trial: str(trial.datetime_complete))
        warm = run.warm_start()
    steps = []
    for trial in ended:
        trained = max(epochs_in(trial.user_attrs), default=0)
        mixed = trial.user_attrs["candidate"]["rule"]["name"] == MIXTURE
        whole = trial.state.name == "COMPLETE" and not mixed
        taken = trained * (OF_MIXTURE if mixed else 1.0)
        steps.append([taken, trial.values[0] if whole else None])
    return {
        "set": task,
        "seed": seed,
        "way": way,
        "trials": trials,
        "epochs": epochs,
        "date": datetime.date.today().isoformat(),
        "load_before": round(load, 1),
        "steps": steps,
        "warm_start": None if warm is None else asdict(warm),
    }


def cost(row: Row) -> float:
    """Return the epochs of training that a search took."""
    return float(sum(epochs for epochs, _ in row["steps"]))


def best_within(row: Row, budget: float) -> float:
    """Return the best score of a search after so many epochs of training; 0 before any."""
    spent, best = 0.0, 0.0
    for epochs, score in row["steps"]:
        spent += epochs
        if spent > budget:
            break
        best = max(best, score or 0.0)
    return best


def paired(rows: list[Row], share: float) -> dict[str, list[float]]:
    """Return way → best score of each seed that all ways have, after a share of its budget."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in sorted({row["seed"] for row in rows}):
        ways = {row["way"]: row for row in rows if row["seed"] == seed}
        if ways.keys() == WAYS.keys():
            budget = share * min(cost(row) for row in ways.values())
            for way in WAYS:
                found[way].append(best_within(ways[way], budget))
    return found


def difference(a: list[float], b: list[float]) -> str:
    """Return the mean of a - b in per cent, with its interval."""
    found = Moments.of([100 * (one - other) for one, other in zip(a, b, strict=True)]).interval
    ends = "" if found.low is None else f" [{found.low:+.2f}, {found.high:+.2f}]"
    return f"{found.mean:+.2f}{ends}"


def table(rows: list[Row]) -> str:
    """Return the page."""
    first = rows[0]
    dates = sorted({row["date"] for row in rows})
    lines = [
        "# A warm start from mixtures of rules",
        "",
        f"lstm of 32 units, five rules, learning rate 1e-3 to 1e-2, {first['trials']} trials of "
        f"{first['epochs']} epochs with pruning, one worker, one thread: best validation accuracy "
        "in % after a quarter of the budget and at its end, mean over searches. The budget of a "
        "seed is the epochs of training that all three searches have used, one of a mixture "
        f"counted {OF_MIXTURE}-fold; before a training has ended the best is 0. Differences are "
        "paired by seed, with Student's 95 % interval. Test data were not read. "
        f"{platform.machine()}, {' and '.join(dates)}, beside other work, which changes no number "
        "of epochs. "
        "Written by `scripts/benchmarks/searches/bench_warm_start.py`.",
        "",
        "| set | searches | budget | warm start | none | random | warm start − none | warm start "
        "− random |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    for name in dict.fromkeys(row["set"] for row in rows):
        of_set = [row for row in rows if row["set"] == name]
        for share, said in ((QUARTER, "a quarter"), (WHOLE, "all")):
            found = paired(of_set, share)
            warm, none, random = found.values()
            if not warm:
                continue
            means = " | ".join(f"{100 * statistics.fmean(each):.2f}" for each in found.values())
            lines.append(
                f"| {name} | {len(warm)} | {said} | {means} | {difference(warm, none)} | "
                f"{difference(warm, random)} |"
            )
    lines += ["", "## What each warm start told", ""]
    for row in rows:
        if row["warm_start"] is not None:
            lines.append(f"- {row['set']}, seed {row['seed']}: {row['warm_start']['sentence']}")
    return "\n".join(lines) + "\n"


def run(arguments: argparse.Namespace, said: Callable[[str], None]) -> None:
    """Do the searches that are missing, and write the page."""
    path = arguments.out / "warm_start.json"
    for seed in range(arguments.searches):
        for name in arguments.sets.split(","):
            for way in WAYS:
                rows = json.loads(path.read_text()) if path.is_file() else []
                if any((row["set"], row["seed"], row["way"]) == (name, seed, way) for row in rows):
                    continue
                row = measure(name, seed, way, arguments.trials, arguments.epochs)
                rows.append(row)
                path.write_text(json.dumps(rows, indent=1) + "\n")
                spent = cost(row)
                said(f"{name} {seed} {way}: {best_within(row, spent):.4f}, {spent:.0f} epochs")
    (arguments.out / "warm_start.md").write_text(table(json.loads(path.read_text())))


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="digits,mnist1d")
    parser.add_argument("--searches", type=int, default=10, help="Seeds, from 0.")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS, help="Where the results go.")
    run(parser.parse_args(), lambda text: print(text, flush=True))


if __name__ == "__main__":
    sys.exit(main())
