"""What single cells need on sequence tasks, without a search: steps, memory and time."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from task_tables import spread

from optcell_search import registry, tasks
from optcell_search.space import Candidate
from optcell_search.training import Training, evaluate

# What `task_tables.NOTES` says in words: half of the symbols recalled, where guessing recalls an
# eighth, and a tenth of the squared error of always answering 1.
SOLVED = {
    "copying": ("copying:lag=200,examples=2000", "accuracy", lambda value: value >= 0.5),
    "adding": ("adding:length=400,examples=20000", "mse", lambda value: value <= 1 / 60),
}
BATCH = {"copying": 64, "adding": 32}
# Tried on gd with seed 0. At 1e-3 the orthogonal cell stays on the plateau of adding, at 1e-2 it
# leaves it more slowly than at 5e-3; lstm is still there after 2,500 steps at 1e-2.
RATES = {"lstm": {"copying": 3e-3, "adding": 3e-3}, "orthogonal": {"copying": 1e-3, "adding": 5e-3}}
# Of the linear cells, found with other seeds. Copying: poles that hardly decay; lru with 64 units
# needs twice as many epochs as with 128. Adding: what a linear cell cannot do is to multiply a
# number by its mark, so two convolutions stand before it, and the rate falls to 0; at a constant
# one these, a single convolution, or residual layers had not done it after 600 to 1,250 steps.
_FRONT = {"front": "serial", "front_kernel": 3, "front_depth": 2, "front_width": 32}
_COOLED = {"lr": 5e-3, "batch_size": 20, "schedule": "one_cycle"}
RECIPES: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("lru", "copying"): {
        "cell": {"r_min": 0.99, "r_max": 0.9999},
        "model": {"hidden_size": 128},
        "training": {"lr": 3e-3},
    },
    ("oscillator", "copying"): {
        "cell": {"discretisation": "implicit_explicit"},
        "model": {"hidden_size": 128},
        "training": {"lr": 3e-3},
    },
    ("lru", "adding"): {
        "cell": {"r_min": 0.998, "r_max": 0.9999, "max_phase": 1e-3},
        "model": {"hidden_size": 32, **_FRONT},
        "training": _COOLED,
    },
    # The LSTM beside it.
    ("lstm, convolutions", "adding"): {
        "model": {"hidden_size": 32, **_FRONT},
        "training": _COOLED,
    },
}


def candidate(
    cell: str, rule: str, hidden_size: int, lr: float, batch_size: int = 64, **cell_options: Any
) -> Candidate:
    """Return a candidate with the defaults of its rule."""
    return Candidate.from_dict(
        {
            "cell": {"name": cell, **cell_options},
            "rule": {"name": rule},
            "model": {"hidden_size": hidden_size},
            "training": {"optimizer": "adam", "lr": lr, "batch_size": batch_size},
        }
    )


def recipe(cell: str, rule: str, problem: str) -> Candidate:
    """Return what is trained of a cell on a problem."""
    own = RECIPES.get((cell, problem))
    if own is None:
        return candidate(cell, rule, 64, RATES[cell][problem], BATCH[problem])
    return Candidate.from_dict(
        {
            "cell": {"name": cell.split(",")[0], **own.get("cell", {})},
            "rule": {"name": rule},
            "model": own["model"],
            "training": {"optimizer": "adam", "batch_size": BATCH[problem], **own["training"]},
        }
    )


def solve(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give how many optimizer steps each rule needs on some cells."""
    spec, metric, solved = SOLVED[arguments.problem]
    task = tasks.load(spec)
    for cell in arguments.cells:
        for rule in arguments.rules or registry.rules.names():
            chosen = recipe(cell, rule, arguments.problem)
            settings = chosen.training
            each = -(-len(task.train) // settings.batch_size)
            steps: list[int] = []
            lasts: list[float] = []
            for seed in range(arguments.seeds):
                training = Training(chosen, task, seed=seed, epochs=arguments.epochs)
                for epoch in range(1, arguments.epochs + 1):
                    value = training.epoch()[metric]
                    if solved(value):
                        steps.append(epoch * each)
                        break
                lasts.append(value)
                print(cell, rule, seed, value, flush=True)
            yield {
                "task": spec,
                "cell": cell,
                "rule": rule,
                "hidden": chosen.flat()["model.hidden_size"],
                "lr": settings.lr,
                "batch": settings.batch_size,
                "seeds": arguments.seeds,
                "solved": f"{len(steps)} of {arguments.seeds}",
                "steps until solved": ", ".join(map(str, steps)) or "-",
                "limit": arguments.epochs * each,
                f"{metric} at the end": spread(lasts, digits=4),
            }


_MEASURE = """
import resource, sys, time, torch
from optcell_search import OptCell, cells
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cell = cells.Reservoir(count=1, wiring=sys.argv[1], density=0.1)
module = OptCell(8, int(sys.argv[2]), cell=cell, rule="gd")
start = time.perf_counter()
with torch.no_grad():
    module(torch.randn(20, 4, 8))
seconds = time.perf_counter() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
held = sum(b.numel() * b.element_size() for b in module.buffers())
print((after - before) / 1024, held / 2**20, seconds)
"""


def memory(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give the peak memory of one reservoir of each wiring, in a process of its own."""
    for wiring in ("dense", "ring", "m_ring"):
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, wiring, str(arguments.units)],
            capture_output=True,
            text=True,
            check=True,
        )
        peak, held, seconds = map(float, done.stdout.split())
        yield {
            "wiring": wiring,
            "units": arguments.units,
            "peak MiB": round(peak, 1),
            "weights MiB": round(held, 3),
            "20 steps of 4 sequences, s": round(seconds, 3),
        }


def race(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give the seconds of training until a validation accuracy, reservoir against lstm."""
    task = tasks.load(arguments.task, arguments.data_dir)
    for wiring in ("lstm", "dense", "ring"):
        seconds, processor, scores, epochs, reached = [], [], [], [], 0
        for seed in range(arguments.seeds):
            if wiring == "lstm":
                chosen = candidate("lstm", "gd", 64, 3e-3)
            else:
                chosen = candidate("reservoir", "gd", 100, 3e-3, wiring=wiring)
            training = Training(chosen, task, seed=seed)
            start = time.process_time()
            for _ in range(arguments.epochs):
                metrics = training.epoch()
                if metrics["accuracy"] >= arguments.accuracy:
                    reached += 1
                    break
            epochs.append(training.epochs)
            processor.append(time.process_time() - start)
            seconds.append(metrics["train_seconds"])
            scores.append(evaluate(training.model, task.unseal(), task)["accuracy"])
        yield {
            "task": arguments.task,
            "model": wiring if wiring == "lstm" else f"reservoir, {wiring}",
            "parameters": int(metrics["parameters"]),
            "seeds": arguments.seeds,
            f"reached {arguments.accuracy:.0%} on validation": f"{reached}",
            "epochs": spread([float(e) for e in epochs]),
            "training, s": spread(seconds, digits=2),
            "processor s, with scoring": spread(processor, digits=2),
            "test % then": spread(scores, 100),
        }
