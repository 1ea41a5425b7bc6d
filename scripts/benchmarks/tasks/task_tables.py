"""The tables of `bench_tasks.py`: rows as they are measured, kept in JSON, written as Markdown."""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

import torch

OUT = Path(__file__).parents[1] / "results"
NOTES = {
    "solve": "Solved: on validation, of copying half of the symbols are recalled (guessing: an "
    "eighth), of adding the squared error is at most 1/60 (always answering 1: 1/6). A run ends "
    "there, or at the limit; the last column says where it stood then.",
    "race": "A run ends when the accuracy is reached on validation.",
    "classify": "Test scores of the best candidate by the objective on validation, trained again "
    "with fresh seeds; batch: of all candidates, where it was not searched. The rows over "
    "everything were measured before its ranges were widened on 2026-11-24 and 26.",
}
# What a row is about: a newer row about the same takes the place of the older one.
IDENTITY = ("task", "cell", "rule", "model", "wiring", "units", "space", "batch", "scheduler")


def spread(values: list[float], scale: float = 1.0, digits: int = 1) -> str:
    """Return mean ± standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{scale * statistics.mean(values):.{digits}f} ± {scale * deviation:.{digits}f}"


def report() -> str:
    """Write and return the tables of all that has been measured."""
    kept: dict[str, list[dict[str, Any]]] = json.loads((OUT / "bench_tasks.json").read_text())
    lines = ["# Sequence tasks", ""]
    lines += ["Made by `scripts/benchmarks/tasks/bench_tasks.py`; do not edit."]
    for what, rows in kept.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        lines += ["", f"## {what}", "", *([NOTES[what], ""] if what in NOTES else [])]
        lines += ["| " + " | ".join(columns) + " |"]
        lines += ["|" + "---|" * len(columns)]
        lines += [
            "| " + " | ".join(str(row.get(key, "")) for key in columns) + " |" for row in rows
        ]
    text = "\n".join(lines) + "\n"
    (OUT / "bench_tasks.md").write_text(text)
    return text


def keep(what: str, row: dict[str, Any]) -> None:
    """Put a row into the file, in the place of an older one about the same."""
    OUT.mkdir(exist_ok=True)
    path = OUT / "bench_tasks.json"
    kept: dict[str, list[dict[str, Any]]] = json.loads(path.read_text()) if path.exists() else {}
    machine = f"{os.cpu_count()} cores of {platform.machine()}, torch {torch.__version__}"
    busy = f"load {os.getloadavg()[1]:.0f}"
    about = [row.get(key) for key in IDENTITY]
    old = [r for r in kept.get(what, []) if [r.get(key) for key in IDENTITY] != about]
    kept[what] = [*old, {**row, "machine": machine, "busy": busy}]
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
