"""Accuracy and physical consistency on task `lake`: what physics gives, and what it costs.

    python bench_lake.py train    # process model, lstm, pre-trained, physics-guided
    python bench_lake.py search   # `physics_guided` at each share, then its best re-trained
    python bench_lake.py report   # the tables and the picture of the front

Every number goes into `--out` (JSON) as soon as it is there, and what is there is not made again.
A seed decides the twin lake, what is revealed of it, and the training, so the methods are compared
on the same lakes. The search sees seed 0 alone; its best candidate is the one of lowest validation
RMSE. All scores are those of the test years, after the last epoch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import optuna
import torch

from optcell_search import tasks
from optcell_search.space import Candidate, SearchSpace, trial_seed
from optcell_search.training import DivergedError, Training, evaluate

SHARES = (0.2, 2.0, 20.0)
PLAIN: dict[str, Any] = {
    "cell": {"name": "lstm"},
    "rule": {"name": "gd", "s": 1.0},
    "model": {"hidden_size": 64},
    "training": {"optimizer": "adam", "lr": 0.01, "batch_size": 4},
}
# The best of three pairs tried, by validation RMSE at 2 % on seed 0.
LAWS = {"energy_imbalance": {"weight": 0.03}, "density_inversion": {"weight": 30.0}}
COLUMNS = {
    "rmse": "RMSE, °C",
    "energy_imbalance": "energy imbalance beyond 24 W/m²",
    "density_inversion_share": "profiles with denser water above",
}
BEST = "best found"


def methods(epochs: int) -> dict[str, dict[str, Any]]:
    """Return the candidates that are compared besides the process model and the best found."""
    pretrained = {**PLAIN, "training": {**PLAIN["training"], "pretrain_epochs": epochs // 2}}
    return {
        "lstm": PLAIN,
        "lstm, pre-trained": pretrained,
        "physics-guided lstm": {**pretrained, "objective": LAWS},
    }


def task_at(share: float, seed: int) -> tasks.LoadedTask:
    """Return the task at a share of observations and a seed of the twin."""
    return tasks.load(f"lake:share={share:g},seed={seed}")


def score_process(share: float, seed: int) -> dict[str, float]:
    """Return the test scores of the process model, which is not trained."""
    task = task_at(share, seed)
    test = task.unseal()
    outputs = (test.drivers["process"] - task.goal.predictions(torch.zeros(()))) / (
        task.goal.predictions(torch.ones(())) - task.goal.predictions(torch.zeros(()))
    )
    return task.score(outputs, test.targets, test.drivers)


def score_candidate(data: dict[str, Any], share: float, seed: int, epochs: int) -> dict[str, float]:
    """Train a candidate and return its test scores."""
    task = task_at(share, seed)
    training = Training(Candidate.from_dict(data), task, seed=seed)
    for _ in range(epochs):
        training.epoch()
    return evaluate(training.model, task.unseal(), task)


class Book:
    """The numbers so far, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {"scores": {}, "search": {}}
        if path.is_file():
            self.content = json.loads(path.read_text(encoding="utf-8"))

    def write(self) -> None:
        self.content["machine"] = (
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
        )
        self.content["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        text = json.dumps(self.content, indent=1, sort_keys=True)
        self.path.write_text(text + "\n", encoding="utf-8")

    def score(self, method: str, share: float, seed: int, make: Any) -> None:
        key = f"{method}/{share:g}/{seed}"
        if key in self.content["scores"]:
            return
        start = time.perf_counter()
        self.content["scores"][key] = make()
        self.write()
        print(f"{key}: {self.content['scores'][key]} in {time.perf_counter() - start:.0f} s")


def train(book: Book, seeds: int, epochs: int) -> None:
    """Score the fixed methods, seed by seed."""
    book.content["epochs"] = epochs
    for seed in range(seeds):
        for share in SHARES:
            book.score("process model", share, seed, lambda: score_process(share, seed))  # noqa: B023
            for name, data in methods(epochs).items():
                book.score(
                    name,
                    share,
                    seed,
                    lambda: score_candidate(data, share, seed, epochs),  # noqa: B023
                )


def search_front(share: float, trials: int, epochs: int) -> dict[str, Any]:
    """Search `physics_guided` at a share, on seed 0, by validation: best, front and all."""
    space = SearchSpace.load("physics_guided")
    task = task_at(share, 0)
    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=trials // 3)
    study = optuna.create_study(directions=["minimize"] * len(COLUMNS), sampler=sampler)
    rows: list[dict[str, Any]] = []
    for number in range(trials):
        trial = study.ask()
        candidate = space.suggest(trial)
        training = Training(candidate, task, seed=trial_seed(0, candidate.key))
        start = time.perf_counter()
        try:
            for _ in range(epochs):
                metrics = training.epoch()
        except DivergedError as error:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            print(f"{share} %, candidate {number}: {error}")
            continue
        scores = {name: metrics[name] for name in COLUMNS}
        study.tell(trial, list(scores.values()))
        rows.append({"number": number, "candidate": candidate.to_dict(), **scores})
        print(f"{share} %, candidate {number}: {scores} in {time.perf_counter() - start:.0f} s")
    return {
        "trials": trials,
        "best": min(rows, key=lambda row: float(row["rmse"]))["candidate"],
        "front": [trial.number for trial in study.best_trials],
        "all": rows,
    }


def search_best(book: Book, shares: list[float], seeds: int, epochs: int, trials: int) -> None:
    """Search at each share, then train the best with every seed."""
    book.content["epochs"] = epochs
    for share in shares:
        found = book.content["search"].get(f"{share:g}")
        if found is None:
            found = book.content["search"][f"{share:g}"] = search_front(share, trials, epochs)
            book.write()
        for seed in range(seeds):
            book.score(
                BEST,
                share,
                seed,
                lambda: score_candidate(found["best"], share, seed, epochs),  # noqa: B023
            )


def table(book: Book) -> list[str]:
    """Return the comparison as lines of Markdown: mean ± standard deviation over seeds."""
    rows = ["| share | method | seeds | " + " | ".join(COLUMNS.values()) + " |"]
    rows.append("|---|---|---|" + "---|" * len(COLUMNS))
    for share in SHARES:
        for method in ("process model", *methods(2), BEST):
            prefix = f"{method}/{share:g}/"
            scores = [s for key, s in book.content["scores"].items() if key.startswith(prefix)]
            if not scores:
                continue
            cells = []
            for name in COLUMNS:
                values = [score[name] for score in scores]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                cells.append(f"{statistics.fmean(values):.2f} ± {spread:.2f}")
            rows.append(f"| {share:g} % | {method} | {len(scores)} | {' | '.join(cells)} |")
    return rows


def _named(options: dict[str, Any]) -> str:
    values = ", ".join(f"{key} {value:.3g}" for key, value in options.items() if key != "name")
    return f"{options['name']} ({values})"


def report(book: Book) -> str:
    """Return the tables as Markdown."""
    lines = [
        "# Task lake: process model, recurrent networks, and physics",
        "",
        f"Test years of the twin of Sparkling Lake; {book.content['epochs']} epochs, mean ± "
        f"standard deviation over seeds; {book.content['machine']}, {book.content['date']}. "
        "Made by `scripts/benchmarks/tasks/bench_lake.py`, numbers in `lake.json`. "
        "The process model is "
        "not trained, so it is the same at every share; the twin, and with it all else, differs by "
        "seed.",
        "",
        *table(book),
    ]
    for share, found in sorted(book.content["search"].items(), key=lambda item: float(item[0])):
        best = found["best"]
        lines += [
            "",
            f"## Front at {share} % (validation, {found['trials']} candidates)",
            "",
            f"Best found: {best['cell']['name']} with {_named(best['rule'])}, hidden "
            f"{best['model']['hidden_size']}, lr {best['training']['lr']:.3g}, pre-trained "
            f"{best['training']['pretrain_epochs']} epochs, weights "
            + ", ".join(f"{law} {o['weight']:.3g}" for law, o in best["objective"].items())
            + ".",
            "",
            "| candidate | cell | rule | " + " | ".join(COLUMNS.values()) + " |",
            "|---|---|---|" + "---|" * len(COLUMNS),
        ]
        for row in sorted(found["all"], key=lambda row: float(row["rmse"])):
            if row["number"] in found["front"]:
                values = " | ".join(f"{row[name]:.3g}" for name in COLUMNS)
                names = f"{row['candidate']['cell']['name']} | {row['candidate']['rule']['name']}"
                lines.append(f"| {row['number']} | {names} | {values} |")
    return "\n".join(lines) + "\n"


def draw(book: Book, path: Path) -> None:
    """Draw RMSE against energy imbalance of all candidates, a panel a share.

    Full dots lie on the front of all three objectives; the darker, the fewer inverted profiles.
    """
    # matplotlib comes with glm-py, which task `lake` needs anyway.
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("agg")
    searches = sorted(book.content["search"].items(), key=lambda item: float(item[0]))
    figure, panels = pyplot.subplots(
        1, len(searches), figsize=(11, 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, (share, found) in zip(panels[0], searches, strict=True):
        for row in found["all"]:
            on_front = row["number"] in found["front"]
            shade = pyplot.get_cmap("viridis")(row["density_inversion_share"])
            panel.scatter(
                row["rmse"],
                # A logarithm has no 0, which is where the tolerance is kept.
                max(row["energy_imbalance"], 0.01),
                s=36,
                facecolor=shade if on_front else "none",
                edgecolor=shade,
            )
        panel.set(yscale="log", title=f"{share} % observed", xlabel="validation RMSE, °C")
    panels[0][0].set_ylabel("energy imbalance\nbeyond 24 W/m²")
    scale = pyplot.cm.ScalarMappable(cmap="viridis")
    figure.colorbar(scale, ax=panels[0].tolist(), label="share of profiles inverted")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stage", choices=("train", "search", "report"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results/lake.json")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    book = Book(asked.out)
    if asked.stage == "train":
        train(book, asked.seeds, asked.epochs)
    elif asked.stage == "search":
        search_best(book, asked.shares, asked.seeds, asked.epochs, asked.trials)
    else:
        asked.out.with_suffix(".md").write_text(report(book), encoding="utf-8")
        draw(book, asked.out.with_name(f"{asked.out.stem}_front.png"))


if __name__ == "__main__":
    main()
