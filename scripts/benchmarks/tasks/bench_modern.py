"""The cells of this decade beside LSTM, GRU, orthogonal and HiPPO, at equal parameters.

    python scripts/benchmarks/tasks/bench_modern.py [--tasks a,b] [--contenders "a;b"] [--seeds 5]
        [--minutes M]

For every task and contender: one training for each learning rate, under a seed of its own, then
`--seeds` trainings with the rate that was best on validation, and only these are tested. Whatever
is measured already is not measured again, so the command can be broken off and given again;
`--minutes` starts nothing new after so many. Results are added to ``results/modern.json``, and
``results/modern.md`` is written from it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch
from modern_recipes import CONTENDERS, TASKS, Task, width_of, write_co2
from modern_tables import page

from optcell_search import tasks
from optcell_search.space import Candidate, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.training import DivergedError, Training, evaluate

RESULTS = Path(__file__).parents[1] / "results"
TUNING = "tuning"  # in place of the number of a seed


def trained(
    candidate: Candidate, task: Task, loaded: LoadedTask, seed: int, tested: bool
) -> dict[str, Any]:
    """Return where a training ends on validation, and, for one that is tested, on test."""
    metric, direction = next(iter(loaded.metrics.items()))
    start = time.process_time()
    try:
        training = Training(candidate, loaded, seed=seed, epochs=task.epochs)
        for _ in range(task.epochs):
            scores = training.epoch()
    except DivergedError as error:
        return {"metric": metric, "direction": direction, "diverged": str(error)}
    row = {"metric": metric, "direction": direction, "validation": scores[metric]}
    if tested:
        row["test"] = evaluate(training.model, loaded.unseal(), loaded)[metric]
    return row | {"seconds": round(time.process_time() - start, 1)}


def best_rate(rows: list[dict[str, Any]]) -> float | None:
    """Return the learning rate that was best on validation, or None where all diverged."""
    ended = [row for row in rows if "validation" in row]
    if not ended:
        return None
    sign = 1 if ended[0]["direction"] == "minimize" else -1
    return float(min(ended, key=lambda row: sign * row["validation"])["lr"])


def missing(
    name: str, contender: str, rows: list[dict[str, Any]], seeds: int
) -> Iterator[tuple[float, int | str]]:
    """Give what is not measured yet, (learning rate, seed), as `rows` grow."""
    for rate in TASKS[name].rates:
        if not any(row["seed"] == TUNING and row["lr"] == rate for row in rows):
            yield rate, TUNING
    chosen = best_rate([row for row in rows if row["seed"] == TUNING])
    if chosen is None:
        return
    for seed in range(seeds):
        if not any(row["seed"] == seed for row in rows):
            yield chosen, seed


def main() -> None:
    """Measure what is asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument(
        "--contenders", help="as named in modern_recipes.py, with a ; between; the default: all"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "modern.json"
    kept = json.loads(path.read_text()) if path.is_file() else []
    begin = time.monotonic()
    names = args.contenders.split(";") if args.contenders else list(CONTENDERS)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.tasks.split(","):
            task = TASKS[name]
            spec = task.spec
            if "{co2}" in spec:
                spec = spec.format(co2=write_co2(Path(folder)))
            try:
                loaded = tasks.load(spec, args.data_dir)
            except (FileNotFoundError, ValueError) as error:
                print(f"{name}: left out: {error}", flush=True)
                continue
            for contender in names:
                mine = [r for r in kept if (r["task"], r["contender"]) == (name, contender)]
                width, parameters = width_of(CONTENDERS[contender], task, loaded)
                for rate, seed in missing(name, contender, mine, args.seeds):
                    if time.monotonic() - begin > 60 * args.minutes:
                        return
                    candidate = CONTENDERS[contender].candidate(task, width, rate)
                    drawn = trial_seed(
                        99 if seed == TUNING else 0, candidate.key, 0 if seed == TUNING else seed
                    )
                    row = {
                        "task": name, "contender": contender, "lr": rate, "seed": seed,
                        "hidden_size": width, "parameters": parameters, "epochs": task.epochs,
                        **trained(candidate, task, loaded, drawn, tested=seed != TUNING),
                        "date": datetime.date.today().isoformat(),
                        "machine": f"{platform.machine()}, torch {torch.__version__}, one thread",
                    }  # fmt: skip
                    mine.append(row)
                    kept.append(row)
                    print(*row.values(), flush=True)
                    path.write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n")
                    (RESULTS / "modern.md").write_text(page(kept))


if __name__ == "__main__":
    main()
