"""A table of short sequences, and what a task makes of it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from optcell_search import tasks
from optcell_search.tasks import LoadedTask


def frame(sequences: int = 20, steps: int = 4) -> pd.DataFrame:
    rows = [
        {"id": s, "t": f"{9 + t}:00", "a": s + t / 10, "b": t, "y": f"k{s % 2}"}
        for s in range(sequences)
        for t in range(steps)
    ]
    return pd.DataFrame(rows)


def load(folder: Path, table: pd.DataFrame, options: str = "time=t,target=y") -> LoadedTask:
    table.to_csv(folder / "a.csv", index=False)
    return tasks.load(f"{folder / 'a.csv'}:sequence=id,{options}")
