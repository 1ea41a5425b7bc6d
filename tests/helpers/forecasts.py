"""Tables of series, and forecasts of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from optcell_search import tasks

ROWS = 400


def table() -> dict[str, np.ndarray]:
    t = np.arange(ROWS)
    noise = np.random.default_rng(0).normal(size=ROWS)
    load = 50 + 10 * np.sin(2 * np.pi * t / 12) + 0.05 * t + noise
    return {"t": t, "load": load, "heat": np.cos(2 * np.pi * t / 12)}


def write(folder: Path, columns: dict[str, np.ndarray]) -> Path:
    path = folder / "a.csv"
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]  # noqa: B905
    path.write_text("\n".join(rows))
    return path


def load(folder: Path, options: str = "", columns: dict[str, np.ndarray] | None = None) -> tuple:
    path = write(folder, table() if columns is None else columns)
    task = tasks.load(f"forecast:file={path},target=load,time=t,season=12,window=24{options}")
    return task, task.task
