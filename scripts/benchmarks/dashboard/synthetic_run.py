"""Writes run folders of any size with made-up results, as a search would have left them.

    python synthetic_run.py OUT [--trials 1000] [--epochs 20] [--seed 0]

For trying and timing what reads ledgers. The rows go into Optuna's own tables in bulk: through its
API ten thousand trials would take minutes.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import sqlalchemy

from optcell_search.space import SearchSpace

START = datetime(2026, 1, 5, 9, 0, 0)
OBJECTIVES = {"accuracy": "maximize", "parameters": "minimize"}
# How well a rule can do here, at which momentum and step size.
BEST = {
    "gd": (0.93, 0.0, 1.0),
    "heavy_ball": (0.97, 0.6, 0.6),
    "nesterov": (0.96, 0.0, 0.8),
    "adam": (0.98, 0.4, 0.5),
    "rmsprop": (0.95, 0.0, 0.4),
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def make(folder: Path, trials: int, epochs: int = 20, seed: int = 0, workers: int = 4) -> Path:
    """Write a run of `trials` rows into ``folder/study.db``; return the folder.

    Of ten rows about seven are complete, two pruned and one failed.
    """
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'study.db'}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = SearchSpace.load("optimizer_cells")
    study = optuna.create_study(
        storage=url, study_name=f"synthetic-{seed}", directions=list(OBJECTIVES.values())
    )
    study.set_user_attr("run_id", study.study_name)
    study.set_user_attr("request", request(space, study.study_name, trials, epochs, seed))
    engine = sqlalchemy.create_engine(url)
    rows = Rows(space, epochs, seed, workers)
    with engine.begin() as connection:
        for number in range(trials):
            rows.add(number)
        rows.write(connection)
    engine.dispose()
    return folder


def request(space: SearchSpace, run_id: str, trials: int, epochs: int, seed: int) -> dict[str, Any]:
    """Return what ``run.toml`` of such a run would hold."""
    return {
        "format": 1,
        "run_id": run_id,
        "space": space.to_dict(),
        "task": "digits",
        "data_dir": "",
        "data_fingerprint": "5eed" * 16,
        "objectives": [{"name": n, "direction": d} for n, d in OBJECTIVES.items()],
        "num_trials": trials,
        "epochs": epochs,
        "seed": seed,
        "repeats": 1,
        "sampler": "random",
        "scheduler": "asha",
        "constraints": [],
        "created": START.isoformat(),
        "versions": {"python": "3.11", "optcell_search": "0.1.0"},
        "machine": {"system": "Linux", "cores": 4},
    }


class Rows:
    """Collects the rows of Optuna's tables."""

    def __init__(self, space: SearchSpace, epochs: int, seed: int, workers: int) -> None:
        self._space = space
        self._epochs = epochs
        self._random = np.random.default_rng(seed)
        self._seed = seed
        self._free = [START] * workers
        self._tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("trials", "trial_user_attributes", "trial_values")
        }

    def add(self, number: int) -> None:
        """Add a finished row."""
        random = self._random
        candidate = self._space.sample(seed=self._seed * 10**6 + number)
        plain = candidate.to_dict()
        hidden = plain["model"]["hidden_size"]
        parameters = GATES[candidate.cell] * hidden * (hidden + 10)
        top, mu, s = BEST[candidate.rule]
        away = (plain["rule"].get("mu", mu) - mu) ** 2 + 0.1 * np.log(plain["rule"]["s"] / s) ** 2
        away += 0.02 * np.log10(plain["training"]["lr"] / 3e-3) ** 2
        final = top - 0.25 * away - 2.0 / hidden**1.3 + random.normal(0, 0.01)
        final = float(np.clip(final, 0.1, 0.995))
        kind = random.choice(["COMPLETE", "PRUNED", "FAIL"], p=[0.7, 0.2, 0.1])
        steps = {"COMPLETE": self._epochs, "FAIL": int(random.integers(0, 4))}.get(kind)
        if steps is None:
            steps = int(random.choice([max(1, self._epochs // 9), max(1, self._epochs // 3)]))
        seconds = steps * hidden / 64 * (0.8 + 0.4 * random.random())
        worker = int(np.argmin(self._free))  # type: ignore[arg-type]
        start = self._free[worker]
        self._free[worker] = end = start + timedelta(seconds=0.1 + seconds)
        trial = number + 1
        self._tables["trials"].append(
            {
                "trial_id": trial, "number": number, "study_id": 1, "state": kind,
                "datetime_start": start, "datetime_complete": end,
            }
        )  # fmt: skip
        known: dict[str, Any] = {
            "candidate": plain, "key": candidate.key, "seed": number, "repeat": 0,
            "worker": f"host{worker // 2}:{100 + worker}",
        }  # fmt: skip
        metrics: dict[str, float] = {}
        for epoch in range(1, steps + 1):
            value = final * (1 - np.exp(-6 * epoch / self._epochs)) / (1 - np.exp(-6))
            value += random.normal(0, 0.004) * (epoch < steps)
            metrics = {
                "epoch": float(epoch), "accuracy": float(value), "loss": float(1.2 - value),
                "cross_entropy": float(1.2 - value), "train_loss": float(1.1 - value),
                "parameters": float(parameters), "train_seconds": seconds * epoch / steps,
                "latency_ms": 0.4 + hidden / 200, "gradient_first": float(random.random()),
                "gradient_last": float(1 + random.random()),
            }  # fmt: skip
            known[f"epoch:{epoch:04d}"] = metrics
        if kind == "FAIL":
            known["reason"] = str(random.choice(["diverged", "out of memory", "worker died"]))
        else:
            known["metrics"] = metrics
        if kind == "COMPLETE":
            last, first = metrics["gradient_last"], metrics["gradient_first"]
            known["gradients"] = {str(d): last * (first / last) ** (d / 7) for d in (0, 1, 2, 4, 7)}
        if kind == "COMPLETE":
            for objective, value in enumerate((metrics["accuracy"], float(parameters))):
                self._tables["trial_values"].append(
                    {
                        "trial_id": trial, "objective": objective, "value": value,
                        "value_type": "FINITE",
                    }
                )  # fmt: skip
        self._tables["trial_user_attributes"] += [
            {"trial_id": trial, "key": key, "value_json": json.dumps(value)}
            for key, value in known.items()
        ]

    def write(self, connection: sqlalchemy.Connection) -> None:
        """Write all rows."""
        catalogue = sqlalchemy.MetaData()
        catalogue.reflect(connection)
        for name, rows in self._tables.items():
            if rows:
                connection.execute(catalogue.tables[name].insert(), rows)


def main() -> None:
    """Read the command line and write the run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(make(arguments.out, arguments.trials, arguments.epochs, arguments.seed))


if __name__ == "__main__":
    main()
