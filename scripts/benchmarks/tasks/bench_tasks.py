r"""What searched cells reach on the sequence data of the literature, beside published numbers.

    python bench_tasks.py classify mnist1d --space everything --trials 40 --epochs 30
    python bench_tasks.py classify ucr:name=GunPoint --epochs 60 --scheduler none \
        --objective cross_entropy --batch-size 8       # forty training sequences
    python bench_tasks.py brown --data-dir ../shared/data   # lstm against the best found
    python bench_tasks.py solve copying|adding              # steps until solved, by rule
    python bench_tasks.py memory                            # reservoirs, dense and ring
    python bench_tasks.py race                              # reservoir against lstm
    python bench_tasks.py report                            # the tables

Every number goes into results/bench_tasks.json as soon as it is there; `report`, which ends every
other command too, writes results/bench_tasks.md from it. Test scores are those of
`finalize`: the best candidate by validation, trained again with fresh seeds, tested once each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from task_cells import SOLVED, memory, race, solve
from task_tables import keep, report, spread

import optcell_search
from optcell_search import registry, tasks
from optcell_search.space import Candidate, SearchSpace
from optcell_search.training import Training, count_parameters, evaluate

# FACTS of the literature: test accuracy in percent.
PUBLISHED = {
    "mnist1d": "GRU 91, CNN 94, people 96",
    "ucr:name=JapaneseVowels": "FCN 99.3, ResNet 99.2, ESN 96.5",
    "ucr:name=ItalyPowerDemand": "ROCKET 97.0, InceptionTime 96.5, FCN 96.3, ESN 87.1",
    "ucr:name=GunPoint": "ROCKET 100, InceptionTime 100, FCN 100, ESN 98.9",
    "ucr:name=ArrowHead": "ROCKET 81.4, InceptionTime 84.6, FCN 84.3, ESN 68.9",
}


def classify(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Search a classification task and test the best candidate with fresh seeds."""
    space = SearchSpace.load(arguments.space).to_dict()
    if arguments.batch_size:
        space["training"]["batch_size"] = arguments.batch_size
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = optcell_search.search(
            space,
            arguments.task,
            arguments.trials,
            Path(folder) / "run",
            objectives=[arguments.objective],
            scheduler=arguments.scheduler,
            epochs=arguments.epochs,
            workers=2,
            seed=arguments.seed,
            data_dir=arguments.data_dir,
        )
        seconds = time.perf_counter() - start
        best = run.finalize(top=1, seeds=arguments.seeds).iloc[0]
    yield {
        "task": arguments.task,
        "space": arguments.space,
        "objective": arguments.objective,
        "batch": arguments.batch_size or "searched",
        "scheduler": arguments.scheduler,
        "trials": arguments.trials,
        "epochs": arguments.epochs,
        "seeds": arguments.seeds,
        "search seed": arguments.seed,
        "search minutes": round(seconds / 60, 1),
        "best": f"{best['cell']}, {best['rule']}",
        "validation %": round(100 * float(best["accuracy"]), 1),
        "test %": f"{100 * best['test_accuracy']:.1f} ± {100 * best['test_accuracy_std']:.1f}",
        "published %": PUBLISHED.get(arguments.task, ""),
    }


def brown(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compare plain lstm with the best cell and rule at no more parameters and equal epochs."""
    task = tasks.load(arguments.task, arguments.data_dir)
    plain = Candidate.from_dict(
        {
            "cell": {"name": "lstm"},
            "rule": {"name": "gd", "s": 1.0},
            "model": {"hidden_size": arguments.hidden_size},
            "training": {"optimizer": "adam", "lr": 3e-3, "batch_size": 64},
        }
    )
    limit = count_parameters(plain.build(task))
    with tempfile.TemporaryDirectory() as folder:
        run = optcell_search.search(
            {
                "description": "language models of at most so many parameters",
                "cells": ["lstm", "gru"],
                "rules": list(registry.rules.names()),
                "model": {"hidden_size": arguments.hidden_size},
                "training": {
                    "optimizer": "adam",
                    "lr": {"low": 1e-3, "high": 1e-2, "log": True},
                    "batch_size": 64,
                },
            },
            arguments.task,
            arguments.trials,
            Path(folder) / "run",
            constraints=[f"parameters<={limit}"],
            epochs=arguments.epochs,
            workers=2,
            seed=arguments.seed,
            data_dir=arguments.data_dir,
        )
        best = run.finalize(top=1, seeds=arguments.seeds).iloc[0]
    scores = []
    for seed in range(arguments.seeds):
        training = Training(plain, task, seed=seed)
        for _ in range(arguments.epochs):
            training.epoch()
        scores.append(evaluate(training.model, task.unseal(), task)["perplexity"])
    yield {
        "task": arguments.task,
        "epochs": arguments.epochs,
        "parameters": limit,
        "trials": arguments.trials,
        "seeds": arguments.seeds,
        "lstm, perplexity": spread(scores),
        "best": f"{best['cell']}, {best['rule']}",
        "its parameters": int(best["parameters"]),
        "its perplexity": f"{best['test_perplexity']:.1f} ± {best['test_perplexity_std']:.1f}",
    }


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    for name in ("classify", "brown", "solve", "memory", "race", "report"):
        command = commands.add_parser(name)
        command.add_argument("--data-dir")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--seeds", type=int, default=3 if name in ("solve", "race") else 5)
        command.add_argument("--trials", type=int, default=40)
        command.add_argument("--epochs", type=int, default=4 if name == "brown" else 30)
        if name == "classify":
            command.add_argument("task")
            command.add_argument("--space", default="everything")
            command.add_argument("--objective", default="accuracy")
            command.add_argument("--scheduler", default="auto")
            command.add_argument("--batch-size", type=int, help="instead of the space's")
        elif name == "solve":
            command.add_argument("problem", choices=list(SOLVED))
            command.add_argument("--cells", nargs="+", default=["lstm", "orthogonal"])
            command.add_argument("--rules", nargs="+", help="the default: all")
        elif name == "memory":
            command.add_argument("--units", type=int, default=10_000)
        elif name == "brown":
            command.add_argument("--task", default="brown")
            command.add_argument("--hidden-size", type=int, default=128)
        elif name == "race":
            command.add_argument("--task", default="ucr:name=JapaneseVowels")
            command.add_argument("--accuracy", type=float, default=0.9)
    arguments = parser.parse_args()
    if arguments.what != "report":
        measures: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
            "classify": classify,
            "brown": brown,
            "solve": solve,
            "memory": memory,
            "race": race,
        }
        for row in measures[arguments.what](arguments):
            keep(arguments.what, row)
    print(report())


if __name__ == "__main__":
    main()
