"""Does the choice by folds find the better candidate, and do several as one do better?

    python scripts/benchmarks/training/bench_ensembles.py [--dealings 0,1,2] [--size 150]
        [--steps 300]

With 40 sequences nobody can tell: the interval of one comparison is wider than what is asked. So a
small set is made of a larger one. Of the training and validation data of the digits, `size`
sequences are drawn; candidates are judged on five folds of these, as a search does, then trained on
all of them with four seeds, as `finalize` does, and these are judged on all the other sequences,
some 1,300. Each dealing draws anew. The test split stays sealed. Each dealing is added to
``results/ensembles.json``, and ``results/ensembles.md`` is written from it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn.model_selection import StratifiedKFold, train_test_split

from optcell_search import tasks
from optcell_search.space import Candidate, from_flat, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.joining import joined
from optcell_search.training import Training, outputs_on

RESULTS = Path(__file__).parents[1] / "results"
FOLDS, SEEDS = 5, 4

COMMON = {
    "cell": "gru", "rule": "gd", "gd.s": 1.0, "model.hidden_size": 32,
    "model.bidirectional": True, "model.readout": "mean_max", "model.readout_dropout": 0.2,
    "training.optimizer": "adamw", "training.lr": 3e-3, "training.batch_size": 16,
    "training.schedule": "one_cycle",
}  # fmt: skip
_FRONT = {"model.front_width": 64, "model.front_kernel": 3}
CANDIDATES: dict[str, dict[str, Any]] = {
    "gru": {},
    "lstm": {"cell": "lstm"},
    "gru, serial": {"model.front": "serial", **_FRONT},
    "lstm, serial": {"cell": "lstm", "model.front": "serial", **_FRONT},
    "gru, parallel": {"model.front": "parallel", "model.front_depth": 3, **_FRONT},
    "lstm, parallel": {
        "cell": "lstm", "model.front": "parallel", "model.front_depth": 3, **_FRONT
    },
}  # fmt: skip

# What is compared: name → (how many of the best by folds, how many seeds of each).
GROUPS = {
    "the best, one seed": (1, 1),
    "the second, one seed": None,
    "the last, one seed": None,
    "the best, 2 seeds as one": (1, 2),
    "the best, 4 seeds as one": (1, 4),
    "the best 2, one seed each": (2, 1),
    "the best 2, 2 seeds each": (2, 2),
    "the best 3, one seed each": (3, 1),
    "the best 4, one seed each": (4, 1),
    "the best 3, 4 seeds each": (3, 4),
    "all 6, one seed each": (6, 1),
}
PAIRS = [
    ("the best, one seed", "the second, one seed"),
    ("the best, one seed", "the last, one seed"),
    ("the best, 4 seeds as one", "the best, one seed"),
    ("the best 2, one seed each", "the best, 2 seeds as one"),
    ("the best 2, 2 seeds each", "the best, 4 seeds as one"),
    ("the best 4, one seed each", "the best, 4 seeds as one"),
    ("the best 3, 4 seeds each", "the best, 4 seeds as one"),
]


def probabilities(task: LoadedTask, candidate: Candidate, seed: int, steps: int) -> np.ndarray:
    """Return the probabilities of the classes of the validation split, once it is trained."""
    epochs = math.ceil(steps / math.ceil(len(task.train) / candidate.training.batch_size))
    training = Training(candidate, task, seed=seed, epochs=epochs)
    for _ in range(epochs):
        training._train_epoch()  # what a search measures after every epoch is not asked for
        training.epochs += 1
    outputs = torch.cat(list(outputs_on(training.model, task.validation, task)))
    return outputs.double().softmax(-1).numpy()


def measure(dealing: int, size: int, steps: int) -> dict[str, Any]:
    """Return accuracies: of each candidate in folds, and of groups of them on all the others."""
    start = time.process_time()
    task = tasks.load("digits")
    whole = joined(task.train, task.validation)
    labels = whole.targets.numpy()
    few, others = train_test_split(
        np.arange(len(labels)), train_size=size, stratify=labels, random_state=dealing
    )
    small, rest = (whole.part(torch.from_numpy(np.sort(index))) for index in (few, others))
    known, truth = small.targets.numpy(), rest.targets.numpy()
    dealt = list(StratifiedKFold(FOLDS, shuffle=True, random_state=dealing).split(known, known))
    judged, losses, made = [], [], []
    for values in CANDIDATES.values():
        candidate = from_flat({**COMMON, **values})
        seeds = [trial_seed(dealing, candidate.key, i) for i in range(FOLDS + SEEDS)]
        out = np.zeros((size, task.goal.classes))
        for (train, held), seed in zip(dealt, seeds, strict=False):
            parts = [small.part(torch.from_numpy(index)) for index in (train, held)]
            out[held] = probabilities(task.split_anew(*parts), candidate, seed, steps)
        judged.append(float((out.argmax(1) == known).mean()))
        losses.append(float(-np.log(np.maximum(out[np.arange(size), known], 1e-12)).mean()))
        final = task.split_anew(small, rest)
        made.append([probabilities(final, candidate, seed, steps) for seed in seeds[FOLDS:]])
    # As a search orders them: by the objective; ties by the loss.
    order = sorted(range(len(judged)), key=lambda i: (-judged[i], losses[i]))
    hits = np.array([[(one.argmax(1) == truth).mean() for one in each] for each in made])
    found = {
        name: _as_one(made, order[: group[0]], group[1], truth)
        for name, group in GROUPS.items()
        if group is not None
    }
    found |= {
        "the best, one seed": hits[order[0]].mean(),
        "the second, one seed": hits[order[1]].mean(),
        "the last, one seed": hits[order[-1]].mean(),
    }
    return {
        "dealing": dealing,
        "size": size,
        "steps": steps,
        "folds": dict(zip(CANDIDATES, judged, strict=True)),
        "others": dict(zip(CANDIDATES, hits.mean(1).tolist(), strict=True)),
        "deviation": dict(zip(CANDIDATES, hits.std(1, ddof=1).tolist(), strict=True)),
        "groups": {name: float(found[name]) for name in GROUPS},
        "seconds": round(time.process_time() - start),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, one core",
    }


def _as_one(made: list[Any], chosen: list[int], seeds: int, truth: np.ndarray) -> float:
    """Return the mean accuracy of averages over so many seeds of each, over choices of seeds."""
    starts = range(0, SEEDS - seeds + 1, seeds)
    each = [
        np.mean([one for i in chosen for one in made[i][start : start + seeds]], axis=0)
        for start in starts
    ]
    return float(np.mean([(one.argmax(1) == truth).mean() for one in each]))


def page(rows: list[dict[str, Any]]) -> str:
    """Return the whole page."""
    size, steps = rows[0]["size"], rows[0]["steps"]
    lines = [
        "# Choosing by folds, and several as one",
        "",
        f"{len(rows)} times {size} of the digits' training and validation sequences were drawn.",
        f"{len(CANDIDATES)} candidates were judged on {FOLDS} folds of them, then trained on all",
        f"of them, {SEEDS} seeds each ({steps} steps of the optimizer), and judged on the others,",
        "some 1,300, which neither choice nor training has seen; no test data. Accuracy in %;",
        "written by `scripts/benchmarks/training/bench_ensembles.py`.",
        "",
        "| | on the others |",
        "|---|---|",
    ]
    for name in GROUPS:
        values = [100 * row["groups"][name] for row in rows]
        lines.append(f"| {name} | {_mean(values)} |")
    lines += [
        "",
        "## Differences",
        "",
        "In percentage points, with the 95 % interval by Student's t over the draws.",
        "",
        "| what | beside | difference |",
        "|---|---|---|",
    ]
    for one, other in PAIRS:
        change = [100 * (row["groups"][one] - row["groups"][other]) for row in rows]
        lines.append(f"| {one} | {other} | {_interval(change)} |")
    agreement = [
        stats.kendalltau(list(row["folds"].values()), list(row["others"].values())).statistic
        for row in rows
    ]
    lines += [
        "",
        "Of candidates ordered by folds and by what they come to on the others, Kendall's τ is "
        f"{_interval(agreement, 2)}.",
        "",
        "| candidate | folds | others | deviation over seeds |",
        "|---|---|---|---|",
    ]
    for name in CANDIDATES:
        cells = [_mean([100 * row[key][name] for row in rows]) for key in ("folds", "others")]
        deviation = np.mean([100 * row["deviation"][name] for row in rows])
        lines.append(f"| {name} | {' | '.join(cells)} | {deviation:.1f} |")
    seconds = np.mean([row["seconds"] for row in rows])
    dates = ", ".join(sorted({row["date"] for row in rows}))
    machine = rows[0]["machine"]
    lines += ["", f"{machine}, {seconds:.0f} s of processor a draw, {dates}."]
    return "\n".join(lines) + "\n"


def _mean(values: list[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def _interval(values: list[float], digits: int = 1) -> str:
    mean = f"{np.mean(values):+.{digits}f}"
    if len(values) < 2:
        return mean
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean} [{np.mean(values) - half:+.{digits}f}, {np.mean(values) + half:+.{digits}f}]"


def main() -> None:
    """Measure the dealings that are asked for and not known, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dealings", default="0,1,2,3,4")
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--steps", type=int, default=300)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "ensembles.json"
    for dealing in map(int, asked.dealings.split(",")):
        rows = json.loads(path.read_text()) if path.is_file() else []
        if any(row["dealing"] == dealing for row in rows):
            continue
        rows.append(measure(dealing, asked.size, asked.steps))
        print(dealing, rows[-1]["groups"], rows[-1]["seconds"], flush=True)
        path.write_text(json.dumps(rows, indent=1) + "\n")
        (RESULTS / "ensembles.md").write_text(page(rows))


if __name__ == "__main__":
    main()
