"""Arrays in files, and what a task makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from optcell_search import tasks
from optcell_search.tasks import LoadedTask

X = np.random.RandomState(0).randn(30, 5, 2)


def load_npz(folder: Path, spec: str = "", **arrays: Any) -> LoadedTask:
    np.savez(folder / "data.npz", **arrays)
    return tasks.load(f"{folder / 'data.npz'}{spec}")
