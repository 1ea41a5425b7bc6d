"""What a search costs, and what it finds.

    bench_search.py cost    50 trivial trials, two workers: seconds a trial beside the training
    bench_search.py mnist   12 candidates on MNIST by rows, 2 epochs, two workers; the winner tested

MNIST is read from --data-dir, OPTCELL_DATA or ./data.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import optcell_search
from optcell_search import SearchSpace
from optcell_search.results import load
from optcell_search.tuning.resolving.resolve import available_cores

TRIVIAL_SPACE = {
    "name": "trivial",
    "cells": ["rnn", "lstm"],
    "rules": ["gd", "heavy_ball"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "model": {"hidden_size": 2},
    "training": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}},
}


def main() -> None:
    """Run the benchmark that the command line names and print its numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Layout)
    parser.add_argument("what", choices=("cost", "mnist"))
    parser.add_argument("--trials", type=int, help="default: 50 for cost, 12 for mnist")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data-dir")
    parser.add_argument("--seeds", type=int, default=3, help="of the finalized winner")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure = cost if arguments.what == "cost" else mnist
        numbers = measure(arguments, Path(folder))
    print(json.dumps({**numbers, "machine": machine()}, indent=2))


class _Layout(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


def cost(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Search with candidates that train in milliseconds; what time is left is orchestration."""
    random = np.random.default_rng(0)
    x = random.normal(size=(20, 2, 1)).astype("float32")
    np.savez(folder / "trivial.npz", x=x, y=(x.sum((1, 2)) > 0).astype("int64"))
    trials = arguments.trials or 50
    start = time.perf_counter()
    run = optcell_search.search(
        TRIVIAL_SPACE,
        str(folder / "trivial.npz"),
        trials,
        folder / "run",
        objectives=("accuracy", "parameters"),
        epochs=1,
        workers=arguments.workers,
    )
    wall = time.perf_counter() - start
    ended = sorted(t.datetime_complete for t in load(run.directory).trials if t.datetime_complete)
    steady = (ended[-1] - ended[0]).total_seconds()
    return {
        "trials": trials,
        "workers": arguments.workers,
        "wall_s": round(wall, 2),
        "wall_s_per_trial": round(wall / trials, 3),
        "first_to_last_result_s_per_trial": round(steady / (trials - 1), 3),
    }


# The shipped flagship narrowed as one does for MNIST: the five rules on the three cells, with their
# mu, s, beta and restart, at one size of network that can hold it.
MNIST_SPACE = SearchSpace.load("optimizer_cells").to_dict() | {
    "name": "optimizer_cells at 128 units",
    "model": {"hidden_size": 128},
    "training": {"lr": {"low": 1e-3, "high": 1e-2, "log": True}, "batch_size": 64},
}


def mnist(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Search the update rules on MNIST, then train and test the winner anew."""
    trials = arguments.trials or 12
    start = time.perf_counter()
    run = optcell_search.search(
        MNIST_SPACE,
        "mnist",
        trials,
        folder / "run",
        objectives=("accuracy",),
        scheduler="none",
        epochs=2,
        workers=arguments.workers,
        data_dir=arguments.data_dir,
    )
    searched = time.perf_counter() - start
    best = run.best("accuracy")
    number = int(best["number"])
    tested = run.finalize(seeds=arguments.seeds, trials=[number]).iloc[0]
    return {
        "trials": trials,
        "workers": arguments.workers,
        "search_wall_s": round(searched, 1),
        "finalize_wall_s": round(time.perf_counter() - start - searched, 1),
        "winner": run.candidate(number)[1].to_dict(),
        "validation_accuracy": round(float(best["accuracy"]), 4),
        "test_accuracy_mean": round(float(tested["test_accuracy"]), 4),
        "test_accuracy_std": round(float(tested["test_accuracy_std"]), 4),
        "states": run.results()["state"].value_counts().to_dict(),
    }


def machine() -> dict[str, Any]:
    """Say what the numbers were measured on."""
    return {
        "system": platform.platform(),
        "cores": available_cores(),
        "torch": torch.__version__,
        "load": [round(value, 1) for value in os.getloadavg()],
    }


if __name__ == "__main__":
    main()
