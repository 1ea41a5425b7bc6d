"""Which recipe suits small sets: validation over stratified folds, several dealings of them.

    python bench_folds.py [--sets a,b] [--recipes a,b] [--steps 800,2000]
        [--dealings 0,1] [--folds 5]

The defaults of the space `auto` and the rule for its epochs are chosen by this table and by nothing
else. Only what a search may see is read, training and validation data of each set together; test
splits stay sealed. Each dealing divides the sequences anew, and every training has a seed of its
own; all recipes share the dealings, so that two of them are compared sequence by sequence. What is
measured already is not measured again. Results are added to ``results/folds.json``, and
``results/folds.md`` is written from it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fold_recipes import RECIPES, SETS
from fold_tables import page
from sklearn.model_selection import StratifiedKFold

from optcell_search import tasks
from optcell_search.space import from_flat, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.joining import joined
from optcell_search.training import Training, outputs_on

RESULTS = Path(__file__).parents[1] / "results"


def folds(task: LoadedTask, count: int, dealing: int) -> list[tuple[LoadedTask, torch.Tensor]]:
    """Return the task with its search data divided anew, and which sequences are judged."""
    whole = joined(task.train, task.validation)
    labels = whole.targets.numpy()
    division = StratifiedKFold(count, shuffle=True, random_state=dealing)
    made = []
    for train_index, index in division.split(np.zeros(len(labels)), labels):
        train, judged = (torch.from_numpy(part) for part in (train_index, index))
        made.append((task.split_anew(whole.part(train), whole.part(judged)), judged))
    return made


def measure(name: str, recipe: str, steps: int, dealing: int, count: int) -> dict[str, Any]:
    """Return the logarithms of the probabilities that each sequence got while it was left out."""
    task = tasks.load(SETS[name])
    parts = folds(task, count, dealing)
    train = parts[0][0].train
    candidate = from_flat({**RECIPES["common"](len(train)), **RECIPES[recipe](task)})
    each = math.ceil(len(train) / candidate.training.batch_size)
    epochs = math.ceil(steps / each)
    sequences = sum(len(index) for _, index in parts)
    found = torch.zeros(sequences, task.goal.classes, dtype=torch.float64)
    labels = torch.zeros(sequences, dtype=torch.long)
    start = time.process_time()
    for number, (part, index) in enumerate(parts):
        seed = trial_seed(100 * dealing + number, candidate.key, 0)
        training = Training(candidate, part, seed=seed, epochs=epochs)
        for _ in range(epochs):
            training.epoch()
        outputs = torch.cat(list(outputs_on(training.model, part.validation, part)))
        found[index] = outputs.double().log_softmax(-1)
        labels[index] = part.validation.targets
    return {
        "set": name,
        "recipe": recipe,
        "steps": steps,
        "dealing": dealing,
        "folds": count,
        "epochs": epochs,
        "key": candidate.key,
        "labels": labels.tolist(),
        "logarithms": [[round(value, 3) for value in row] for row in found.tolist()],
        "seconds": round((time.process_time() - start) / len(parts), 2),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, one core",
    }


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="GunPoint,ArrowHead")
    parser.add_argument("--recipes", default="serial")
    parser.add_argument("--steps", default="2000")
    parser.add_argument("--dealings", default="0,1")
    parser.add_argument("--folds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "folds.json"
    asked = [
        (name, recipe, int(steps), int(dealing))
        for dealing in args.dealings.split(",")
        for name in args.sets.split(",")
        for recipe in args.recipes.split(",")
        for steps in args.steps.split(",")
    ]
    for known in asked:
        rows = json.loads(path.read_text()) if path.is_file() else []
        names = ("set", "recipe", "steps", "dealing")
        if any(known == tuple(row.get(key) for key in names) for row in rows):
            continue
        row = measure(*known, args.folds)
        rows.append(row)
        hits = np.array(row["logarithms"]).argmax(1) == np.array(row["labels"])
        print(*known, f"{100 * hits.mean():.1f} {row['seconds']:.1f} s", flush=True)
        path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
        (RESULTS / "folds.md").write_text(page(rows))


if __name__ == "__main__":
    sys.exit(main())
