"""Which recipe suits few sequences: trained on some of a set's, judged on all the others.

    python bench_few.py [--sets a,b] [--recipes a,b] [--few 60] [--stretch 1]
        [--steps 2000] [--draws 0,1,2]

Folds of the archive's smallest sets have 36 or 50 answers to judge by, too few to tell recipes
apart. Here a set that has thousands of sequences lends a few for training, and hundreds of others
judge; stretched to several times their length by linear interpolation they stand for longer ones,
which are mostly as smooth. Only what a search may see is read, training and validation data of each
set together; test splits stay sealed. All recipes share the draws, so that two of them are compared
draw by draw. What is measured already is not measured again. Results are added to
``results/few.json``, and
``results/few.md`` is written from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fold_recipes import RECIPES, SETS, compared_with
from scipy import stats
from sklearn.model_selection import train_test_split

from optcell_search import tasks
from optcell_search.space import from_flat, trial_seed
from optcell_search.tasks import Split
from optcell_search.tasks.joining import joined
from optcell_search.training import Training, outputs_on

RESULTS = Path(__file__).parents[1] / "results"
_JUDGES = 1000
HEAD = """# Recipes on few sequences

Some sequences of a set for training, up to 1,000 others of its training and validation data to
judge by; so many steps of the optimizer, weights of the last epoch. Stretched: to so many times its
length, by linear interpolation. No test split was read. Mean and standard deviation over draws
of the sequences; differences draw by draw, with a 95 % interval by Student's t over the draws: it
does not count that several comparisons were made. Written by
`scripts/benchmarks/training/bench_few.py`, recipes in `fold_recipes.py`; x86_64, seconds of
processor on one core of a busy machine.
"""
COLUMNS = ("set", "stretched", "sequences", "steps", "recipe", "draws")
COLUMNS += ("accuracy", "cross-entropy", "seconds", "difference")


def stretched(split: Split, times: int) -> Split:
    """Return sequences of one length at so many times their length."""
    features_first = split.inputs.transpose(1, 2)
    longer = torch.nn.functional.interpolate(features_first, scale_factor=times, mode="linear")
    return dataclasses.replace(split, inputs=longer.transpose(1, 2).contiguous())


def measure(
    name: str, recipe: str, few: int, stretch: int, steps: int, draw: int
) -> dict[str, Any]:
    """Return what a training on a draw of few sequences came to on the others."""
    task = tasks.load(SETS[name])
    whole = joined(task.train, task.validation)
    if stretch > 1:
        whole = stretched(whole, stretch)
    labels = whole.targets.numpy()
    index = np.arange(len(labels))
    chosen, others = train_test_split(index, train_size=few, stratify=labels, random_state=draw)
    judges = whole.part(torch.from_numpy(others[:_JUDGES]))
    train = whole.part(torch.from_numpy(chosen))
    # No more than a glance after each epoch: all the others are judged once, at the end.
    part = task.split_anew(train, whole.part(torch.from_numpy(others[:few])))
    candidate = from_flat({**RECIPES["common"](few), **RECIPES[recipe](task)})
    epochs = math.ceil(steps / math.ceil(few / candidate.training.batch_size))
    start = time.process_time()
    training = Training(
        candidate, part, seed=trial_seed(1000 + draw, candidate.key, 0), epochs=epochs
    )
    for _ in range(epochs):
        training.epoch()
    seconds = time.process_time() - start
    logits = torch.cat(list(outputs_on(training.model, judges, part))).double()
    loss = torch.nn.functional.cross_entropy(logits, judges.targets)
    return {
        "set": name,
        "few": few,
        "stretch": stretch,
        "recipe": recipe,
        "steps": steps,
        "draw": draw,
        "epochs": epochs,
        "key": candidate.key,
        "accuracy": float((logits.argmax(1) == judges.targets).double().mean()),
        "loss": float(loss),
        "seconds": round(seconds, 2),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, one core",
    }


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows measured so far."""
    return json.loads(path.read_text()) if path.is_file() else []


def page(rows: list[dict[str, Any]]) -> str:
    """Return the whole page."""
    found: dict[tuple[str, int, int, int, str], dict[int, dict[str, Any]]] = {}
    for row in rows:
        named = (row["set"], row["stretch"], row["few"], row["steps"], row["recipe"])
        found.setdefault(named, {})[row["draw"]] = row
    lines = [HEAD, f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    places = list(RECIPES)
    for named in sorted(found, key=lambda key: (*key[:4], places.index(key[4]))):
        name, stretch, few, steps, recipe = named
        draws = found[named]
        accuracies = [100 * row["accuracy"] for row in draws.values()]
        spread = f" ± {statistics.stdev(accuracies):.1f}" if len(draws) > 1 else ""
        beside = compared_with(recipe)
        other = found.get((name, stretch, few, steps, beside or ""), {})
        shared = sorted(draws.keys() & other.keys())
        changes = [100 * (draws[d]["accuracy"] - other[d]["accuracy"]) for d in shared]
        lines.append(
            f"| {name} | {stretch} | {few} | {steps} | {recipe} | {len(draws)} | "
            f"{statistics.fmean(accuracies):.1f}{spread} | "
            f"{statistics.fmean(row['loss'] for row in draws.values()):.2f} | "
            f"{statistics.fmean(row['seconds'] for row in draws.values()):.0f} | "
            f"{f'{beside}: {_interval(changes)}' if changes else ''} |"
        )
    dates = sorted({row["date"] for row in rows})
    return "\n".join([*lines, "", _smoothed(found), f"Measured {', '.join(dates)}."]) + "\n"


def _smoothed(found: dict[tuple[str, int, int, int, str], dict[int, dict[str, Any]]]) -> str:
    """Return what smoothed labels bring over all sets and draws, in words."""
    changes = []
    for (*where, recipe), draws in found.items():
        other = found.get((*where, recipe.removesuffix(" smoothing")), {})
        if recipe.endswith(" smoothing"):
            changes += [
                100 * (draws[d]["accuracy"] - other[d]["accuracy"]) for d in draws if d in other
            ]
    return (
        f"Smoothed labels, over all of the above ({len(changes)} pairs of trainings): "
        f"{_interval(changes)} points."
    )


def _interval(changes: list[float]) -> str:
    mean = statistics.fmean(changes)
    if len(changes) < 2:
        return f"{mean:+.1f}"
    half = statistics.stdev(changes) / len(changes) ** 0.5 * stats.t.ppf(0.975, len(changes) - 1)
    return f"{mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}]"


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="MNIST-1D")
    parser.add_argument("--recipes", default="serial")
    parser.add_argument("--few", default="60")
    parser.add_argument("--stretch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--draws", default="0,1,2")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "few.json"
    asked = [
        (name, recipe, int(few), args.stretch, args.steps, int(draw))
        for draw in args.draws.split(",")
        for name in args.sets.split(",")
        for few in args.few.split(",")
        for recipe in args.recipes.split(",")
    ]
    for known in asked:
        names = ("set", "recipe", "few", "stretch", "steps", "draw")
        if any(known == tuple(row.get(key) for key in names) for row in read(path)):
            continue
        row = measure(*known)
        # Read anew: another process may have added to it in the meantime.
        rows = [*read(path), row]
        print(*known, f"{100 * row['accuracy']:.1f} {row['loss']:.2f} {row['seconds']:.1f} s",
              flush=True)  # fmt: skip
        path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
        (RESULTS / "few.md").write_text(page(rows))


if __name__ == "__main__":
    sys.exit(main())
