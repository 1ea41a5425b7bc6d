"""Whole searches in populations against one candidate after the other, with pruning.

    python scripts/benchmarks/searches/bench_populated.py [--rounds 2] [--trials 100]
        [--only digits,cells,rows,occupancy] [--beside SENTENCE]

Every search is run from its beginning, by Ray, with as many workers as there are cores, each with
one thread. What it takes is counted from the first epoch that was reported to the end of the last
trial, in processor seconds of this process and of the workers together, and by the clock: Ray's
start and the workers' own, which load torch, take the same in both ways, and what Ray's daemons use
goes by the clock alone. The ways are run in turn. Results go to ``results/populated.json``, from
which ``results/populated.md`` is made.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from optuna.trial import TrialState
from ray import tune

import optcell_search
from optcell_search.ledger.format import OCCUPANCY, epochs_in

RESULTS = Path(__file__).parents[1] / "results"
RULES = ["gd", "heavy_ball", "nesterov", "adam", "rmsprop"]
EPOCHS = 9
_SECONDS_BETWEEN_LOOKS = 0.25
_SEVERAL_CELLS = (("lstm", "gru"), ("lstm", "gru", "rnn", "lru"))


def space(units: int, batch: int, cells: Sequence[str] = ("lstm",)) -> dict[str, Any]:
    """Return a space of cells of one size, under all five rules."""
    return {
        "name": f"{' '.join(cells)} {units}",
        "cells": list(cells),
        "rules": RULES,
        "model": {"hidden_size": units},
        "training": {
            "lr": {"low": 1e-3, "high": 1e-2, "log": True},
            "batch_size": batch,
            "optimizer": "adam",
        },
    }


def rows_of_images(folder: Path, sequences: int = 1280) -> str:
    """Write noise of the size of MNIST by rows: 28 steps of 28 numbers; return the file."""
    random = np.random.default_rng(0)
    x = random.random((sequences, 28, 28)).astype("float32")
    path = folder / "rows.npz"
    np.savez(path, x=x, y=random.integers(10, size=sequences))
    return str(path)


def processor_seconds() -> dict[tuple[int, str], float]:
    """Return what this process and its workers have used: (process, start) → seconds.

    Read from Linux's ``/proc``; processes that have ended are left out.
    """
    parents: dict[int, int] = {}
    used: dict[int, tuple[str, float]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            # The name in parentheses may hold spaces.
            head, _, tail = (entry / "stat").read_text().rpartition(")")
            fields = tail.split()
            parents[int(entry.name)] = int(fields[1])
            if "(ray::" not in head and int(entry.name) != os.getpid():
                continue
            ticks = int(fields[11]) + int(fields[12])
            used[int(entry.name)] = (fields[19], ticks / os.sysconf("SC_CLK_TCK"))

    def ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and ours(parents[process]))

    return {(one, began): seconds for one, (began, seconds) in used.items() if ours(one)}


class _Meter(tune.Callback):
    """Notes clock and processor time as results come: of this process and all it has started."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, str], float] = {}
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)

    def on_trial_result(self, *_: Any, **__: Any) -> None:
        if time.time() - self._last[0] < _SECONDS_BETWEEN_LOOKS:
            return
        self._seconds |= processor_seconds()
        self._last = (time.time(), sum(self._seconds.values()))
        self._first = self._first or self._last

    @property
    def spent(self) -> tuple[float, float]:
        """Seconds since the first result: by the clock, and of processors."""
        assert self._first is not None
        return self._last[0] - self._first[0], self._last[1] - self._first[1]


def searched(candidates: dict[str, Any], task: str, **options: Any) -> dict[str, Any]:
    """Search a space; return what it came to."""
    meter = _Meter()
    with tempfile.TemporaryDirectory() as folder:
        run = optcell_search.search(
            candidates,
            task,
            out=Path(folder) / "run",
            epochs=EPOCHS,
            threads=1,
            callbacks=[meter],
            **options,
        )
        trials = run._study.get_trials()
        clock, processors = meter.spent
        trained, offered = run._study.user_attrs.get(OCCUPANCY, (0, 0))
        epochs = sum(len(epochs_in(trial.user_attrs)) for trial in trials)
        return {
            "slots": run.request.slots,
            "workers": run.request.workers,
            "minutes": clock / 60,
            "processor_minutes": processors / 60,
            "candidates": len(trials),
            "complete": sum(trial.state == TrialState.COMPLETE for trial in trials),
            "pruned": sum(trial.state == TrialState.PRUNED for trial in trials),
            "epochs": epochs,
            "best": float(run.best()["accuracy"]),
            "occupancy": trained / offered if offered else None,
        }


def compared(
    candidates: dict[str, Any], task: str, rounds: int, ways: list[Any], **options: Any
) -> list[dict[str, Any]]:
    """Search a space in each way, in turn; return what all came to."""
    found = []
    for number in range(rounds):
        for way in ways:
            one = searched(candidates, task, seed=number, population=way, **options)
            found.append({"population": way, "round": number, **one})
            print(found[-1], flush=True)
    return found


def in_words(rows: dict[str, list[dict[str, Any]]], about: dict[str, str]) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Whole searches in populations",
        "",
        f"{about['machine']}, torch {about['torch']}, {about['date']}. Space: lstm, where no other "
        "cells are named, under all five rules, Adam, learning rate 1e-3 to 1e-2; "
        f"{EPOCHS} epochs, pruned from the first on. Time is that from the first "
        "reported epoch to the last one, median over the rounds: of "
        "processors (driver and workers together), and by the clock. "
        f"{about['beside']}",
        "",
        "| search | population | slots × workers | candidates a processor minute | by the clock "
        "| epochs | pruned | best accuracy | occupancy |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, searches in rows.items():
        for way in dict.fromkeys(one["population"] for one in searches):
            mine = [one for one in searches if one["population"] == way]

            def middle(key: str, own: list[dict[str, Any]] = mine) -> float:
                return float(statistics.median(one[key] for one in own))

            rate = statistics.median(one["candidates"] / one["minutes"] for one in mine)
            paid = statistics.median(one["candidates"] / one["processor_minutes"] for one in mine)
            filled = mine[0]["occupancy"]
            shown = "" if filled is None else f"{100 * middle('occupancy'):.0f} %"
            lines.append(
                f"| {name} | {way} | {mine[0]['slots']} × {mine[0]['workers']} | {paid:.1f} | "
                f"{rate:.1f} | {middle('epochs'):.0f} | {middle('pruned'):.0f} | "
                f"{middle('best'):.4f} | {shown} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--only", default="digits,cells,rows,occupancy")
    parser.add_argument("--beside", default="", help="What else ran, in a sentence.")
    arguments = parser.parse_args()
    only, cores = set(arguments.only.split(",")), len(os.sched_getaffinity(0))
    path = RESULTS / "populated.json"
    rows: dict[str, Any] = json.loads(path.read_text())["rows"] if path.exists() else {}
    many = {"num_trials": arguments.trials, "workers": cores}
    if "digits" in only:
        name = f"digits, 32 units, batch 32, {arguments.trials} trials"
        rows[name] = compared(space(32, 32), "digits", arguments.rounds, [1, "auto", 16], **many)
    for cells in _SEVERAL_CELLS if "cells" in only else ():
        name = f"digits, {' '.join(cells)}, 32 units, batch 32, {arguments.trials} trials"
        rows[name] = compared(
            space(32, 32, cells), "digits", arguments.rounds, [1, "auto", 16], **many
        )
    if "rows" in only:
        with tempfile.TemporaryDirectory() as folder:
            name = "noise of MNIST's size by rows, 128 units, batch 128, 24 trials"
            rows[name] = compared(
                space(128, 128),
                rows_of_images(Path(folder)),
                1,
                [1, "auto"],
                num_trials=24,
                workers=cores,
            )
    for scheduler, objectives in (("asha", None), ("mo-asha", ("accuracy", "parameters"))):
        if "occupancy" in only:
            name = f"digits, 32 units, batch 32, {arguments.trials} trials, {scheduler}, 8 slots"
            rows[name] = compared(
                space(32, 32), "digits", 1, [8], scheduler=scheduler, objectives=objectives, **many
            )
    about = {
        "machine": f"{platform.machine()}, {platform.system()}, {cores} cores",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "beside": arguments.beside,
    }
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")
    RESULTS.joinpath("populated.md").write_text(in_words(rows, about))


if __name__ == "__main__":
    main()
