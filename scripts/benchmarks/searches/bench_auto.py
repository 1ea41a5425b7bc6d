"""What a first search finds: `run auto` with a budget in time, no option that names the set.

    python scripts/benchmarks/searches/bench_auto.py [--sets a,b] [--seeds 0,1]

For each set and seed one search and one `finalize --top 1 --ensemble`, as a user would type them,
from a new interpreter each. The test split is read by `finalize` alone, after the choice. Beside
the winner stands the plain cell of the same search, and what others have published for the set.
Searches that are in ``results/auto.json`` are not done again; ``results/auto.md`` is written from
it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BUDGET = "10m"
RESULTS = Path(__file__).parents[1] / "results"
# The task, what is to be reached, and what is published: ROCKET / InceptionTime / LSTM-FCN for the
# archive's series of one channel.
SETS = {
    "GunPoint": ("ucr:name=GunPoint", "99.0", "100 / 100 / 100"),
    "ArrowHead": ("ucr:name=ArrowHead", "85.0", "81.4 / 84.6 / 89.7"),
    "ItalyPowerDemand": ("ucr:name=ItalyPowerDemand", "96.3", "97.0 / 96.5 / 96.2"),
    "JapaneseVowels": ("ucr:name=JapaneseVowels", "98.6", "FCN 99.3"),
    "BasicMotions": ("ucr:name=BasicMotions", "100", "ROCKET 100"),
    "MNIST-1D": ("mnist1d", "98.0", "GRU 91, CNN 94"),
    "digits": ("digits", "98.5", ""),
}
COLUMNS = ("set", "searches", "trials")
COLUMNS += ("validation", "test", "ensemble", "plain cell", "goal", "published")


def command(*arguments: str) -> Any:
    """Run the command line and return the JSON that it prints."""
    program = "import sys; from optcell_search.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--json"], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def measure(name: str, seed: int) -> dict[str, Any]:
    """Search once, train the winner again, and return what came of it."""
    load, start = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        task = SETS[name][0]
        asked = ["--task", task, "--time", BUDGET, "--seed", str(seed), "--out", out]
        status = command("run", "auto", *asked)["status"]
        searched = time.perf_counter()
        command("finalize", out, "--top", "1", "--ensemble")
        finalized = time.perf_counter()
        return {
            "set": name,
            "seed": seed,
            "time": BUDGET,
            "date": datetime.date.today().isoformat(),
            "cores": len(os.sched_getaffinity(0)),
            "load_before": round(load, 1),
            "search_seconds": round(searched - start),
            "finalize_seconds": round(finalized - searched),
            "status": status,
        } | told(Path(out))


def told(run: Path) -> dict[str, Any]:
    """Return the scores of the winner and of the plain cell, and the winner itself."""
    from optcell_search.tuning.run_folder import RunFolder

    opened = RunFolder.open(run)
    rows = opened.results().set_index("number")
    gain = opened.gain()
    if gain is None:
        raise RuntimeError(f"{run}: no plain cell was finalized")
    found = rows.loc[gain.number].dropna()
    parts = {
        "validation": "accuracy",
        "test": "test_accuracy",
        "ensemble": "ensemble_test_accuracy",
    }
    return {
        "candidate": {k: v for k, v in found.items() if "." in k or k in ("rule", "cell")},
        **{part: found[column] for part, column in parts.items()},
        "test_std": found["test_accuracy_std"],
        "plain": rows.loc[gain.plain, "test_accuracy"],
        "plain_std": rows.loc[gain.plain, "test_accuracy_std"],
        "gain": gain.sentence,
    }


def percent(values: list[float]) -> str:
    """Return mean ± standard deviation in per cent, of as many values as there are."""
    if not values:
        return ""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.fmean(values):.1f}{spread}"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the page: what was reached, set by set, and each search's winner."""
    lines = [
        "# What a first search finds",
        "",
        "`run auto --task SET --time 10m`, then `finalize --top 1 --ensemble`: test accuracy in %,",
        "mean ± standard deviation over searches with seeds of their own; of each search the mean",
        "over five fresh seeds of its winner, trained on training and validation data together",
        "where the search had folds. The plain cell is the best one of the same search, at most as",
        "large. Written by `scripts/benchmarks/searches/bench_auto.py`.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for name, (_, goal, published) in SETS.items():
        of_set = [row for row in rows if row["set"] == name]
        if not of_set:
            continue
        trials = [sum(row["status"].get(k, 0) for k in ("complete", "pruned")) for row in of_set]
        columns = [
            percent([row[key] for row in of_set])
            for key in ("validation", "test", "ensemble", "plain")
        ]
        span = f"{min(trials)}-{max(trials)}" if len(trials) > 1 else str(trials[0])
        cells = [name, str(len(of_set)), span, *columns, goal, published]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Each search", ""]
    for row in sorted(rows, key=lambda row: (list(SETS).index(row["set"]), row["seed"])):
        candidate = row["candidate"]
        lines.append(
            f"- {row['set']}, seed {row['seed']}, {row['date']}, {row['cores']} cores, load before "
            f"{row['load_before']}: {candidate['rule']} {candidate['cell']}, test "
            f"{percent([row['test']])}. {row['gain']} {row['search_seconds']} s of "
            f"searching, {row['finalize_seconds']} s of finalizing."
        )
    lines += ["", f"Machine: {platform.machine()}, Python {platform.python_version()}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", default="0,1,2,3,4")
    args = parser.parse_args()
    path = RESULTS / "auto.json"
    for seed in map(int, args.seeds.split(",")):
        for name in args.sets.split(","):
            rows = json.loads(path.read_text()) if path.is_file() else []
            if any((row["set"], row["seed"]) == (name, seed) for row in rows):
                continue
            row = measure(name, seed)
            rows.append(row)
            path.write_text(json.dumps(rows, indent=1, default=float) + "\n")
            (RESULTS / "auto.md").write_text(table(rows))
            print(name, seed, row["gain"], flush=True)


if __name__ == "__main__":
    sys.exit(main())
