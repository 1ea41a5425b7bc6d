"""A search by this package against what people would write instead, on equal data and seconds.

    python scripts/benchmarks/searches/bench_rivals.py [--tasks digits,co2] [--time 600] [--seeds 0]
        [--rivals optcell-search,Optuna]

The rivals: plain Optuna over a loop with nn.LSTM and nn.GRU, Ray Tune with OptunaSearch over the
same, and where classes are asked for aeon's ROCKET and MultiRocket-Hydra with a ridge classifier
(they need aeon; the forecast needs statsmodels, whose weekly CO2 at Mauna Loa it is). One after the
other, each in a process of its own, with two workers of one core. What a rival found is the model
that was best by validation when its time was over; its test score is read after that, and so is
that of each earlier incumbent, for the time at which 99 % of the best test score was reached.

Rows that are in ``results/rivals.json`` are not done again; ``results/rivals.md`` comes from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import optuna
from rival_loops import Incumbent, with_optuna, with_ray, with_rocket

RESULTS = Path(__file__).parents[1] / "results"
TASKS = {
    "digits": "digits",
    "mnist": "mnist",
    "co2": "forecast:file=co2.csv,target=co2,time=date",
}


def ours(spec: str, data: str | None, seconds: float, seed: int) -> list[Incumbent]:
    """Run `optcell-search run auto --time`, then test each of its incumbents."""
    from optcell_search.space import Candidate
    from optcell_search.tasks import load
    from optcell_search.training import evaluate
    from optcell_search.tuning import Run

    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        asked = ["run", "auto", "--task", spec, "--time", f"{seconds:.0f}s", "--seed", str(seed)]
        asked += ["--out", out, *(["--data-dir", data] if data else [])]
        program = "import sys; from optcell_search.cli import main; sys.exit(main())"
        done = subprocess.run([sys.executable, "-c", program, *asked], stdout=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{asked}: exit code {done.returncode}")
        run, task = Run.open(out), load(spec, data)
        metric, direction = next(iter(task.metrics.items()))
        sign = 1 if direction == "maximize" else -1
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}/study.db")
        trials = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
        start = min(trial.datetime_start for trial in study.trials if trial.datetime_start)
        found: list[Incumbent] = []
        for trial in sorted(trials, key=lambda trial: trial.datetime_complete):
            if found and sign * trial.value <= sign * found[-1].validation:
                continue
            model = Candidate.from_dict(trial.user_attrs["candidate"]).build(task)
            model.load_state_dict(run.weights(trial.number))
            test = evaluate(model, task.unseal(), task)[metric]
            seconds_in = (trial.datetime_complete - start).total_seconds()
            found.append(Incumbent(seconds_in, trial.value, test))
        return found


# Nine steps are the least that MultiRocket takes, and nine of several features fail in aeon 1.6.
LEFT_OUT = {("co2", "ROCKET"), ("co2", "MultiRocket-Hydra"), ("digits", "MultiRocket-Hydra")}
RIVALS = {
    "optcell-search": ours,
    "Optuna": with_optuna,
    "Ray Tune": with_ray,
    "ROCKET": with_rocket("rocket"),
    "MultiRocket-Hydra": with_rocket("multirocket_hydra"),
}


def write_co2(folder: Path) -> None:
    """Write the weekly concentrations; the weeks without a measurement are interpolated."""
    from statsmodels.datasets import co2

    frame = co2.load_pandas().data.interpolate()
    frame.rename_axis("date").reset_index().to_csv(folder / "co2.csv", index=False)


def alone(rival: str, task: str, seconds: float, seed: int) -> list[Incumbent]:
    """Run one rival in a new interpreter, on two cores."""
    asked = ["--one", rival, "--tasks", task, "--time", str(seconds), "--seeds", str(seed)]
    done = subprocess.run(
        [sys.executable, __file__, *asked], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{rival} on {task}: {done.stderr[-2000:]}")
    return [Incumbent(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def one(rival: str, task: str, seconds: float, seed: int) -> None:
    """Print the incumbents of one rival as JSON."""
    spec = TASKS[task]
    with tempfile.TemporaryDirectory() as folder:
        data = None
        if task == "co2":
            write_co2(Path(folder))
            spec = spec.replace("co2.csv", f"{folder}/co2.csv")
        elif task == "mnist":
            data = os.environ["OPTCELL_DATA"]
        found = RIVALS[rival](spec, data, seconds, seed)
    print(json.dumps([dataclasses.asdict(each) for each in found]), flush=True)
    # What is being fitted still is not waited for.
    os._exit(0)


def reached(row: dict[str, Any], best: float, maximize: bool) -> float | None:
    """Return the seconds after which a rival's incumbent had 99 % of the best test score."""
    for each in row["incumbents"]:
        good = each["test"] >= 0.99 * best if maximize else each["test"] <= best / 0.99
        if good:
            return float(each["seconds"])
    return None


def table(rows: list[dict[str, Any]]) -> str:
    """Return the page: per task what each rival found, and how soon."""
    lines = [
        "# Against what people would write instead",
        "",
        "Same data and splits, same seconds, two cores. The test score is that of the model which",
        "was best by validation when the time was over; accuracy where classes are asked for, else",
        "the task's error. The last column: seconds until an incumbent had 99 % of the best test",
        "score of the task in as many seconds (–: never); what does not search has one incumbent,",
        "when its fit is done, and no model where that takes longer, or more memory than there is.",
        "Of one seed only large differences tell anything. Written by",
        "`scripts/benchmarks/searches/bench_rivals.py`.",
        "",
        "| task | seconds | rival | seeds | validation | test | to 99 % |",
        "|---|---|---|---|---|---|---|",
    ]
    budgets = sorted({row["seconds"] for row in rows})
    for task, seconds in itertools.product(TASKS, budgets):
        equal = [row for row in rows if (row["task"], row["seconds"]) == (task, seconds)]
        if not equal:
            continue
        maximize = equal[0]["direction"] == "maximize"
        last = [row["incumbents"][-1]["test"] for row in equal if row["incumbents"]]
        best = max(last) if maximize else min(last)
        for rival in RIVALS:
            mine = [row for row in equal if row["rival"] == rival]
            if not mine:
                continue
            ends = [row["incumbents"][-1] for row in mine if row["incumbents"]]
            times = [reached(row, best, maximize) for row in mine]
            when = ", ".join("–" if t is None else f"{t:.0f} s" for t in times)
            cells = [task, f"{seconds:.0f}", rival, str(len(mine))]
            cells += [
                _mean([end[key] for end in ends]) if len(ends) == len(mine) else "no model"
                for key in ("validation", "test")
            ]
            lines.append(f"| {' | '.join([*cells, when])} |")
    dates = sorted({row["date"] for row in rows})
    load = max(row["load_before"] for row in rows)
    lines += ["", f"Machine: {platform.machine()}, {rows[0]['cores']} cores, {', '.join(dates)};"]
    lines += [f"load before a rival began at most {load}.", ""]
    return "\n".join(lines)


def _mean(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--time", type=float, default=600)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rivals", default=",".join(RIVALS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    tasks, seeds = asked.tasks.split(","), [int(seed) for seed in asked.seeds.split(",")]
    if asked.one:
        one(asked.one, tasks[0], asked.time, seeds[0])
        return
    kept = RESULTS / "rivals.json"
    rows = json.loads(kept.read_text()) if kept.exists() else []
    for seed in seeds:
        for task in tasks:
            for rival in asked.rivals.split(","):
                mark = {"task": task, "rival": rival, "seed": seed, "seconds": asked.time}
                done = any(mark.items() <= row.items() for row in rows)
                if done or (task, rival) in LEFT_OUT:
                    continue
                load = round(os.getloadavg()[0], 1)
                found = alone(rival, task, asked.time, seed)
                rows.append(
                    mark
                    | {
                        "direction": "minimize" if task == "co2" else "maximize",
                        "date": datetime.date.today().isoformat(),
                        "cores": len(os.sched_getaffinity(0)),
                        "load_before": load,
                        "incumbents": [dataclasses.asdict(each) for each in found],
                    }
                )
                kept.write_text(json.dumps(rows, indent=1) + "\n")
                print(f"{task}, {rival}: {found[-1] if found else 'no model'}", flush=True)
    (RESULTS / "rivals.md").write_text(table(rows))


if __name__ == "__main__":
    main()
