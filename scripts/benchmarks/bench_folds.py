"""Which recipe suits small sets: validation accuracy over stratified folds and seeds.

    python scripts/benchmarks/bench_folds.py [--sets a,b] [--recipes a,b] [--folds 5] [--seeds 1]

The defaults of the space `auto` are chosen by this table and by nothing else. Only what a search
may see is read, training and validation data of each set together; test splits stay sealed.
Results are added to ``results/folds.json``, and ``results/folds.md`` is written from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from fold_recipes import RECIPES, SETS
from sklearn.model_selection import StratifiedKFold

from optcell_search import tasks
from optcell_search.space import from_flat, trial_seed
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import train
from optcell_search.training.budget import automatic_epochs

RESULTS = Path(__file__).parent / "results"
LARGEST = 1000


def folds(task: LoadedTask, count: int) -> list[LoadedTask]:
    """Return the task with its search data divided anew, once for each stratified fold.

    Sets of more than a thousand sequences keep their own single split.
    """
    if len(task.train) + len(task.validation) > LARGEST:
        return [task]
    data = task.task.search_data(task.folder)
    whole = joined(data.train, data.validation)
    labels = whole.targets.numpy()
    division = StratifiedKFold(count, shuffle=True, random_state=0)
    parts = division.split(np.zeros(len(labels)), labels)
    return [
        LoadedTask(
            task.task,
            task.folder,
            data=dataclasses.replace(
                data,
                train=whole.take(torch.from_numpy(train_index)),
                validation=whole.take(torch.from_numpy(index)),
            ),
        )
        for train_index, index in parts
    ]


def joined(first: Split, second: Split) -> Split:
    """Return the sequences of two splits, padded to one length."""
    steps = max(first.inputs.shape[1], second.inputs.shape[1])
    inputs = [
        torch.nn.functional.pad(split.inputs, (0, 0, 0, steps - split.inputs.shape[1]))
        for split in (first, second)
    ]
    lengths = None
    if first.lengths is not None or second.lengths is not None:
        lengths = torch.cat([lengths_of(first), lengths_of(second)])
    return Split(torch.cat(inputs), torch.cat([first.targets, second.targets]), lengths)


def lengths_of(split: Split) -> torch.Tensor:
    """Return the lengths of a split's sequences, be they equal or not."""
    if split.lengths is not None:
        return split.lengths
    return torch.full((len(split),), split.inputs.shape[1])


def measure(name: str, recipe: str, count: int, seeds: int) -> dict[str, object]:
    """Return the last epoch's validation accuracies of a recipe on a set, and what they took."""
    task = tasks.load(SETS[name])
    parts = folds(task, count)
    candidate = from_flat({**RECIPES["common"](len(parts[0].train)), **RECIPES[recipe](task)})
    epochs = automatic_epochs(len(parts[0].train), candidate.training.batch_size)
    start = time.perf_counter()
    accuracies, losses = [], []
    for number, part in enumerate(parts):
        for repeat in range(seeds):
            seed = trial_seed(number, candidate.key, repeat)
            *_, last = train(candidate, part, epochs=epochs, seed=seed)
            accuracies.append(last["accuracy"])
            losses.append(last["cross_entropy"])
    seconds = (time.perf_counter() - start) / len(accuracies)
    return {
        "set": name,
        "recipe": recipe,
        "key": candidate.key,
        "epochs": epochs,
        "accuracies": accuracies,
        "losses": losses,
        "seconds": seconds,
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return the Markdown table, recipes by sets."""
    sets = [name for name in SETS if any(row["set"] == name for row in rows)]
    lines = [
        "# Recipes on folds",
        "",
        "Validation accuracy in %, mean ± standard deviation over so many trainings (folds times",
        "seeds; one split where there are over 1,000 sequences), last epoch, `--epochs auto`, then",
        "mean cross-entropy in nats. No test split was read. Written by",
        "`scripts/benchmarks/bench_folds.py`, recipes in `fold_recipes.py`.",
        "",
        "| recipe | " + " | ".join(sets) + " |",
        "|---|" + "---|" * len(sets),
    ]
    for recipe in RECIPES:
        cells = [told(rows, name, recipe) for name in sets]
        if any(cells):
            lines.append(f"| {recipe} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def told(rows: list[dict[str, object]], name: str, recipe: str) -> str:
    """Return one cell of the table, empty where nothing was measured."""
    for row in rows:
        if (row["set"], row["recipe"]) == (name, recipe):
            values = [100 * float(value) for value in row["accuracies"]]  # type: ignore[attr-defined]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            loss = statistics.fmean(row["losses"])  # type: ignore[arg-type]
            return f"{statistics.fmean(values):.1f}{spread} ({len(values)}), {loss:.2f}"
    return ""


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--recipes", default=",".join(name for name in RECIPES if name != "common"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "folds.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    for name in args.sets.split(","):
        for recipe in args.recipes.split(","):
            row = measure(name, recipe, args.folds, args.seeds)
            rows = [r for r in rows if (r["set"], r["recipe"]) != (name, recipe)] + [row]
            print(name, recipe, told([row], name, recipe), f"{row['seconds']:.1f} s", flush=True)
            path.write_text(json.dumps(rows, indent=1) + "\n")
            (RESULTS / "folds.md").write_text(table(rows))


if __name__ == "__main__":
    sys.exit(main())
