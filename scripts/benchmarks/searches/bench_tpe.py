"""TPE that draws what depends on rule and cell jointly, against TPE as Optuna has it by default.

    python scripts/benchmarks/searches/bench_tpe.py table FILE   # trains the table, once
    python scripts/benchmarks/searches/bench_tpe.py search FILE  # simulated searches on it, printed

The table holds the validation loss of a small gru on the digits, by rows, for each rule and each
point of a grid over its hyperparameters and the learning rate, trained with one seed. A simulated
search suggests from the continuous ranges and is told the value at the nearest point, so that
thousands of trials cost what their sampler costs. No test split is read.
"""

from __future__ import annotations

import datetime
import itertools
import json
import os
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from scipy.stats import wilcoxon

from optcell_search import tasks
from optcell_search.space import Candidate
from optcell_search.training import train

EPOCHS, HIDDEN = 3, 16
BUDGETS = {30: 60, 60: 20}
LR = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
POINTS: dict[str, dict[str, tuple[float, ...]]] = {
    "gd": {"s": (0.1, 0.3, 1.0, 2.0)},
    "heavy_ball": {"mu": (0.0, 0.3, 0.6, 0.9), "s": (0.1, 0.3, 1.0)},
    "nesterov": {"s": (0.1, 0.3, 1.0), "restart": (1, 4, 8)},
    "adam": {"mu": (0.0, 0.3, 0.6, 0.9), "s": (0.1, 0.3, 1.0), "beta": (0.1, 0.5, 0.9, 0.99)},
    "rmsprop": {"s": (0.1, 0.3, 1.0), "beta": (0.1, 0.5, 0.9, 0.99)},
}
LOG = {"s", "lr"}


def grid() -> list[tuple[str, tuple[float, ...], float]]:
    """Return rule, its hyperparameters and the learning rate, point by point."""
    return [
        (rule, values, lr)
        for rule, points in POINTS.items()
        for values in itertools.product(*points.values())
        for lr in LR
    ]


def loss_of(task: tasks.LoadedTask, rule: str, values: tuple[float, ...], lr: float) -> list[float]:
    """Train one point; return validation loss, and share of wrong answers."""
    options = dict(zip(POINTS[rule], values, strict=True))
    candidate = Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": rule, **options},
            "model": {"hidden_size": HIDDEN},
            "training": {"lr": lr, "optimizer": "adam", "batch_size": 64},
        }
    )
    try:
        *_, last = train(candidate, task, epochs=EPOCHS, seed=0)
    except ArithmeticError:
        return [10.0, 1.0]
    return [last["loss"], 1 - last["accuracy"]]


def make_table(path: Path) -> None:
    """Train what is not yet in the table."""
    torch.set_num_threads(1)
    known: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}
    task = tasks.load("digits")
    began = time.perf_counter()
    for count, point in enumerate(grid()):
        if (key := json.dumps(point)) not in known:
            known[key] = loss_of(task, *point)
        if count % 20 == 0:
            path.write_text(json.dumps(known))
            print(count, len(grid()), round(time.perf_counter() - began), file=sys.stderr)
    path.write_text(json.dumps(known))


def place(values: tuple[float, ...], value: float, *, log: bool) -> float:
    """Return the nearest of `values`, on their own scale."""
    scale = np.log if log else np.asarray
    return values[int(np.abs(scale(np.array(values)) - scale(value)).argmin())]


def suggest(trial: optuna.Trial) -> str:
    """Return the key of the point nearest to what a trial suggests, named as a space names it."""
    rule = trial.suggest_categorical("rule", list(POINTS))
    lr = place(LR, trial.suggest_float("training.lr", LR[0], LR[-1], log=True), log=True)
    found = []
    for name, values in POINTS[rule].items():
        if name == "restart":
            found.append(place(values, trial.suggest_int(f"{rule}.{name}", 1, 8), log=False))
            continue
        log = name in LOG
        value = trial.suggest_float(f"{rule}.{name}", values[0], values[-1], log=log)
        found.append(place(values, value, log=log))
    return json.dumps((rule, found, lr))


SAMPLERS: dict[str, Any] = {
    "TPE": lambda seed: TPESampler(seed=seed, n_startup_trials=10),
    "TPE, multivariate, group": lambda seed: TPESampler(
        seed=seed, n_startup_trials=10, multivariate=True, group=True
    ),
}


def searches(
    table: dict[str, list[float]], name: str, seed: int, budget: int, several: bool
) -> float:
    """Return the best loss after a budget of trials; it is the first of several objectives."""
    directions = [StudyDirection.MINIMIZE] * (2 if several else 1)
    study = optuna.create_study(directions=directions, sampler=SAMPLERS[name](seed))
    losses = []
    for _ in range(budget):
        trial = study.ask()
        key = suggest(trial)
        losses.append(table[key][0])
        # The second objective pulls another way: a slow learning rate.
        study.tell(trial, [losses[-1], json.loads(key)[2]] if several else [losses[-1]])
    return min(losses)


def report(table: dict[str, list[float]], budgets: dict[int, int]) -> str:
    """Run all searches and return what came of them as Markdown.

    Args:
        table: losses by point.
        budgets: trials of a search → how many seeds it is run with.
    """
    lowest = min(loss for loss, _ in table.values())
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# TPE on what depends on something", "",
        f"{today}, {platform.machine()}, {os.cpu_count()} cores, optuna {optuna.__version__}, "
        "torch",
        f"{torch.__version__}. Table of {len(table)} trainings (digits by rows, gru of {HIDDEN}, "
        f"{EPOCHS} epochs),",
        f"lowest validation loss {lowest:.4f}. Distance of a search's best trial from that, median "
        "and mean over the", "seeds; p of a Wilcoxon test of the pairs. Written by "
        "`scripts/benchmarks/searches/bench_tpe.py`; no test split was", "read.", "",
        "| objectives | trials, seeds | TPE | TPE, multivariate, group | p |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for several in (False, True):
        for budget, seeds in budgets.items():
            each = [
                [searches(table, name, seed, budget, several) - lowest for seed in range(seeds)]
                for name in SAMPLERS
            ]
            told = [f"{statistics.median(one):.4f}, {statistics.fmean(one):.4f}" for one in each]
            p = wilcoxon(*each, zero_method="zsplit").pvalue
            what = "loss, learning rate" if several else "loss"
            lines.append(f"| {what} | {budget}, {seeds} | {' | '.join(told)} | {p:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    what, file = sys.argv[1], Path(sys.argv[2])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    if what == "table":
        make_table(file)
    else:
        print(report(json.loads(file.read_text()), BUDGETS))
