"""Which model around the cell suits a forecast: read where, and behind or beside convolutions.

    python bench_forecasts.py [--series "co2;co2, 13 weeks;sunspots"] [--recipes "a;b"]
        [--seeds 0,1,2] [--steps 400]

Weekly CO2 at Mauna Loa, which rises, yearly sunspots, which do not, and the monthly temperature of
the sea off Peru (elnino), which has seasons, all of statsmodels, in windows, one value ahead or a
season of them; one gru of 64 units under gd, the rest by recipe. The score is that of the
validation part, which lies behind the training part; the test part is never read. What is measured
already is not measured again. Results are added to ``results/forecasts.json``, and
``results/forecasts.md`` is written from it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from scipy import stats
from statsmodels.datasets import co2, elnino, sunspots

from optcell_search import tasks
from optcell_search.space import from_flat, trial_seed
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training

RESULTS = Path(__file__).parents[1] / "results"
SERIES = {
    "co2": "forecast:file={file},target=y,time=date",
    "co2, 13 weeks": "forecast:file={file},target=y,time=date,horizon=13,season=52",
    "sunspots": "forecast:file={file},target=y,time=date,window=24,horizon=1",
    "sunspots, 5 years": "forecast:file={file},target=y,time=date,window=24,horizon=5,season=11",
    "elnino": "forecast:file={file},target=y,time=date,window=36,horizon=1,season=12",
    "elnino, 12 months": "forecast:file={file},target=y,time=date,window=36,horizon=12,season=12",
}
_PLAIN: dict[str, Any] = {
    "cell": "gru", "rule": "gd", "gd.s": 1.0, "model.hidden_size": 64,
    "training.optimizer": "adamw", "training.lr": 3e-3, "training.batch_size": 64,
    "training.weight_decay": 3e-3, "training.schedule": "one_cycle",
}  # fmt: skip
_BOTH = {**_PLAIN, "model.bidirectional": True}
_DROPOUT = {"model.readout_dropout": 0.2}
_RELATIVE = {"model.relative_to": "last"}
RECIPES: dict[str, dict[str, Any]] = {
    "last": _BOTH,
    "last, one direction": _PLAIN,
    "last, dropout": {**_BOTH, **_DROPOUT},
    "mean and maximum": {**_BOTH, "model.readout": "mean_max"},
    "attention": {**_BOTH, "model.readout": "attention"},
    "last, front beside": {**_BOTH, "model.front": "parallel"},
    "mean and maximum, front beside": {
        **_BOTH, "model.front": "parallel", "model.readout": "mean_max",
    },
    "last, front before": {**_BOTH, "model.front": "serial"},
    "mean and maximum, front before, dropout": {
        **_BOTH, **_DROPOUT, "model.front": "serial", "model.readout": "mean_max",
    },
    "last, relative": {**_BOTH, **_RELATIVE},
    "last, one direction, relative": {**_PLAIN, **_RELATIVE},
    "last, hippo": {**_BOTH, "cell": "hippo"},
    "last, hippo, relative": {**_BOTH, **_RELATIVE, "cell": "hippo"},
    "last, one direction, hippo, relative": {**_PLAIN, **_RELATIVE, "cell": "hippo"},
    "attention, relative": {**_BOTH, **_RELATIVE, "model.readout": "attention"},
    "last, front beside, relative": {**_BOTH, **_RELATIVE, "model.front": "parallel"},
    "mean and maximum, relative": {**_BOTH, **_RELATIVE, "model.readout": "mean_max"},
    "last, front before, relative": {**_BOTH, **_RELATIVE, "model.front": "serial"},
}  # fmt: skip
HEAD = """# What suits a forecast

Mean absolute scaled error on the part behind the training part (lower is better, 1 is that of the
naive forecast within the training part); mean ± standard deviation over seeds, by the last epoch.
Differences seed by seed to the recipe `last`, with 95 % intervals by Student's t. No test part was
read. Written by `scripts/benchmarks/training/bench_forecasts.py`; seconds of processor.

| series | recipe | seeds | error | seconds | less `last` |
|---|---|---|---|---|---|"""


def load(name: str) -> LoadedTask:
    """Return a series as a task."""
    if name.startswith("co2"):
        frame = co2.load_pandas().data.interpolate().rename_axis("date").reset_index()
    elif name.startswith("elnino"):
        years = elnino.load_pandas().data.set_index("YEAR")
        frame = years.stack().reset_index(level=1, drop=True).rename_axis("date").reset_index()
        months = enumerate(frame["date"])
        frame["date"] = [f"{int(year)}-{1 + row % 12:02d}-01" for row, year in months]
    else:
        frame = sunspots.load_pandas().data
        frame["YEAR"] = [f"{int(year)}-01-01" for year in frame["YEAR"]]
    frame.columns = ["date", "y"]
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(f"{folder}/series.csv", index=False)
        return tasks.load(SERIES[name].format(file=f"{folder}/series.csv"))


def measure(name: str, recipe: str, seed: int, steps: int) -> dict[str, Any]:
    """Return the error after a training of so many steps."""
    task, candidate = load(name), from_flat(RECIPES[recipe])
    epochs = math.ceil(steps / math.ceil(len(task.train) / candidate.training.batch_size))
    start = time.process_time()
    seeded = trial_seed(seed, candidate.key, 0)
    training = Training(candidate, task, seed=seeded, epochs=epochs)
    for _ in range(epochs):
        scores = training.epoch()
    return {
        "series": name,
        "recipe": recipe,
        "seed": seed,
        "steps": steps,
        "mase": scores["mase"],
        "seconds": round(time.process_time() - start, 1),
        "date": datetime.date.today().isoformat(),
    }


def page(rows: list[dict[str, Any]]) -> str:
    """Return the whole page."""
    lines = [HEAD]
    for name in SERIES:
        of_series = [row for row in rows if row["series"] == name]
        plain = {row["seed"]: row["mase"] for row in of_series if row["recipe"] == "last"}
        for recipe in RECIPES:
            mine = {row["seed"]: row for row in of_series if row["recipe"] == recipe}
            if not mine:
                continue
            errors = [row["mase"] for row in mine.values()]
            spread = f" ± {statistics.stdev(errors):.2f}" if len(errors) > 1 else ""
            changes = [mine[seed]["mase"] - plain[seed] for seed in mine if seed in plain]
            beside = _interval(changes) if recipe != "last" and len(changes) > 1 else ""
            seconds = statistics.fmean(row["seconds"] for row in mine.values())
            lines.append(
                f"| {name} | {recipe} | {len(mine)} | {statistics.fmean(errors):.2f}{spread} | "
                f"{seconds:.0f} | {beside} |"
            )
    lines += [*_cells(rows), ""]
    steps = ", ".join(sorted({str(row["steps"]) for row in rows}))
    dates = ", ".join(sorted({row["date"] for row in rows}))
    lines += [f"{steps} steps of the optimizer; {platform.machine()}; measured {dates}."]
    return "\n".join(lines) + "\n"


def _cells(rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of the differences that another cell makes to the same recipe."""
    errors: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        errors.setdefault((row["series"], row["recipe"]), {})[row["seed"]] = row["mase"]
    lines = ["", "A `hippo` less the `gru`, seed by seed, all else the same:", ""]
    lines += ["| series | recipe | seeds | difference |", "|---|---|---|---|"]
    for name in SERIES:
        for recipe in RECIPES:
            mine = errors.get((name, recipe), {}) if "hippo" in recipe else {}
            other = errors.get((name, plain := recipe.replace(", hippo", "")), {})
            changes = [mine[seed] - other[seed] for seed in sorted(mine.keys() & other.keys())]
            if len(changes) > 1:
                lines.append(f"| {name} | {plain} | {len(changes)} | {_interval(changes)} |")
    return lines


def _interval(changes: list[float]) -> str:
    mean = statistics.fmean(changes)
    half = stats.sem(changes) * stats.t.ppf(0.975, len(changes) - 1)
    return f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows measured so far."""
    return json.loads(path.read_text()) if path.is_file() else []


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", default=";".join(SERIES))
    parser.add_argument(
        "--recipes", default=";".join(RECIPES), help="as --series, with a ; between"
    )
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "forecasts.json"
    for seed in map(int, args.seeds.split(",")):
        for name in args.series.split(";"):
            for recipe in args.recipes.split(";"):
                mark = {"series": name, "recipe": recipe, "seed": seed, "steps": args.steps}
                if any(mark.items() <= row.items() for row in read(path)):
                    continue
                row = measure(name, recipe, seed, args.steps)
                # Read anew: another process may have added to it in the meantime.
                rows = [*read(path), row]
                path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
                (RESULTS / "forecasts.md").write_text(page(rows))
                print(name, recipe, seed, round(row["mase"], 3), flush=True)


if __name__ == "__main__":
    sys.exit(main())
