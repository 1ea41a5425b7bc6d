"""Every registered task keeps the contract, unasked."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from task_examples import shrink

from optcell_search import registry, tasks
from optcell_search.tasks import LoadedTask
from optcell_search.testing import TaskContract


def _npz(folder: Path) -> str:
    random = np.random.RandomState(0)
    x = random.randn(40, 6, 2)
    np.savez(folder / "a.npz", x=x, y=np.arange(40) % 3, lengths=random.randint(2, 7, 40))
    return str(folder / "a.npz")


def _table(folder: Path) -> str:
    random = np.random.RandomState(0)
    with open(folder / "a.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "t", "a", "b", "y"])
        for run in range(20):
            rows.writerows([run, t, *random.randn(2), 0.5 * run] for t in range(3 + run % 3))
    return f"{folder / 'a.csv'}:sequence=run,time=t,target=y"


def _text(folder: Path) -> str:
    random = np.random.RandomState(0)
    (folder / "a.txt").write_text("".join(random.choice(list("abcd "), 4000)))
    return f"{folder / 'a.txt'}:streams=8"


def _series(folder: Path) -> str:
    rows = np.random.RandomState(0).randn(400, 2)
    np.savetxt(folder / "a.csv", rows, delimiter=",", header="load,heat", comments="")
    return f"forecast:file={folder / 'a.csv'},target=load,window=20,horizon=3"


# A task over the user's own files needs a file; any other is loaded as its name alone says.
EXAMPLES: dict[str, Callable[[Path], str]] = {
    "npz": _npz,
    "table": _table,
    "charlm": _text,
    "forecast": _series,
}
DATA = Path(os.environ.get("OPTCELL_DATA", Path(__file__).parents[3] / "shared" / "data"))


class TestTasks(TaskContract):
    @pytest.fixture(params=registry.tasks.names())
    def spec(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        name = request.param
        return EXAMPLES[name](tmp_path) if name in EXAMPLES else shrink(name)

    @pytest.fixture
    def folder(self) -> Path:
        return DATA

    @pytest.fixture
    def task(self, spec: str, folder: Path) -> LoadedTask:
        try:
            return tasks.load(spec, folder)
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        except ValueError as error:
            if "pip install" not in str(error):
                raise
            pytest.skip(str(error))
