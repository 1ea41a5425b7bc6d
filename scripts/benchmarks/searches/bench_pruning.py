"""What multi-objective pruning is worth: hypervolume after the same number of training epochs.

    python bench_pruning.py [--seeds 5] [--epochs 216] [--out FILE]

Two searches a seed, with TPE, on the digits by rows: one trains every candidate to the end, the
other lets `mo-asha` stop candidates and tries as many more as the same number of epochs allows.
Only completed candidates count. Hypervolume is that of validation accuracy against the logarithm of
the number of parameters, from chance and the largest network, as a share of what a perfect and free
candidate would have.

The searcher, the ledger, the scheduler and the training are those of a real search; in place of
Ray, four workers take turns, an epoch each, so that the numbers come out the same every time.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import multiprocessing
import platform
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler

from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger
from optcell_search.results import Direction, hypervolume
from optcell_search.tuning.resolving.resolve import available_cores, resolve
from optcell_search.tuning.search.schedulers import make_scheduler
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.session import Session

TASK = "digits"
EPOCHS = 9
WORKERS = 4
OBJECTIVES: tuple[str, str] = ("accuracy", "parameters")
SCHEDULERS = ("none", "mo-asha")
SPACE = {
    "name": "pruning",
    "cells": ["rnn", "lstm", "gru"],
    "rules": ["gd", "heavy_ball", "nesterov", "adam", "rmsprop"],
    "model": {"hidden_size": {"low": 8, "high": 64, "log": True}},
    "training": {"lr": {"low": 1e-4, "high": 3e-2, "log": True}, "batch_size": 64},
}
# From the smallest network of the space to its largest; and chance among ten digits.
SIZES = (200.0, 25_000.0)
CHANCE = 0.1


@dataclass(frozen=True)
class Outcome:
    """What a search had come to when its epochs were used up."""

    tried: int
    complete: int
    best: float
    hypervolume: float


def search(scheduler: str, seed: int, budget: int) -> Outcome:
    """Search until `budget` epochs have been trained."""
    torch.set_num_threads(1)
    request = resolve(
        SPACE,
        TASK,
        num_trials=budget,
        objectives=OBJECTIVES,
        scheduler=scheduler,
        epochs=EPOCHS,
        seed=seed,
        workers=WORKERS,
        threads=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        ledger = make_ledger(request, Path(folder))
        train(ledger, Path(folder), budget)
        trials = ledger.trials()
        ledger.close()
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    values = [trial.values for trial in complete]
    return Outcome(len(trials), len(complete), max(v[0] for v in values), volume(values))


def train(ledger: Ledger, folder: Path, budget: int) -> None:
    """Let the workers take turns, an epoch each, until the budget is used up."""
    searcher = LedgerSearch(ledger, folder)
    scheduler = make_scheduler(ledger.request, ledger.trials())
    running: list[tuple[str, Session]] = []
    for epoch in range(budget):
        while len(running) < WORKERS:
            name = f"t{ledger.size}"
            config = searcher.suggest(name)
            assert config is not None
            job = dataclasses.replace(config["job"], checkpoints="")
            running.append((name, Session(job)))
        name, session = running.pop(0)
        report = session.advance()
        result = {"report": report, "worker": f"worker:{epoch % WORKERS}"}
        trial = SimpleNamespace(trial_id=name)
        if report.done or _stops(scheduler, trial, result):
            searcher.on_trial_complete(name, result)
        else:
            searcher.on_trial_result(name, result)
            running.append((name, session))


def _stops(scheduler: TrialScheduler, trial: SimpleNamespace, result: dict[str, object]) -> bool:
    return scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP  # type: ignore[arg-type]


def volume(values: list[list[float]]) -> float:
    """Return the hypervolume of (accuracy, parameters) as a share of the largest there could be."""
    points = [(accuracy, math.log10(parameters)) for accuracy, parameters in values]
    directions: list[Direction] = ["maximize", "minimize"]
    small, large = map(math.log10, SIZES)
    found = hypervolume(points, directions, reference=(CHANCE, large))
    return found / ((1 - CHANCE) * (large - small))


def table(pairs: list[tuple[Outcome, Outcome]]) -> str:
    """Return the outcomes without and with pruning, a line a seed, then means and spreads."""
    lines = [
        "| seed | tried | complete | best accuracy | hypervolume | difference |",
        "|---|---|---|---|---|---|",
    ]
    for seed, (without, pruned) in enumerate(pairs):
        both = [
            f"{getattr(without, name)} → {getattr(pruned, name)}" for name in ("tried", "complete")
        ]
        both.append(f"{without.best:.3f} → {pruned.best:.3f}")
        both.append(f"{without.hypervolume:.4f} → {pruned.hypervolume:.4f}")
        gain = pruned.hypervolume - without.hypervolume
        lines.append(f"| {seed} | {' | '.join(both)} | {gain:+.4f} |")
    means = [_spread([pair[i].hypervolume for pair in pairs]) for i in (0, 1)]
    best = [_spread([pair[i].best for pair in pairs]) for i in (0, 1)]
    gains = [pruned.hypervolume - without.hypervolume for without, pruned in pairs]
    lines.append(
        f"| mean ± std | | | {' → '.join(best)} | {' → '.join(means)} | {_spread(gains, '+')} |"
    )
    return "\n".join(lines)


def _spread(values: list[float], sign: str = "") -> str:
    return f"{statistics.fmean(values):{sign}.4f} ± {statistics.stdev(values):.4f}"


def main() -> None:
    """Read the command line, search, print or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="2 or more")
    parser.add_argument("--epochs", type=int, default=216, help="of each search")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    arguments = parser.parse_args()
    count, budget = arguments.seeds, arguments.epochs
    with ProcessPoolExecutor(
        available_cores(), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        without, pruned = (
            pool.map(search, [scheduler] * count, range(count), [budget] * count)
            for scheduler in SCHEDULERS
        )
        pairs = list(zip(without, pruned, strict=True))
    text = (
        "# Multi-objective pruning\n\n"
        f"`python scripts/benchmarks/searches/bench_pruning.py --seeds {count} --epochs {budget}`, "
        f"{datetime.date.today()}, {platform.machine()}, {available_cores()} cores. "
        f"Task `{TASK}`, {EPOCHS} epochs a candidate, accuracy against parameters; without → with "
        f"pruning, {budget} epochs of training each.\n\n"
        f"{table(pairs)}\n"
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
