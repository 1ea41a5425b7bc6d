"""A target that never changes is refused, of whatever kind of file it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optcell_search import tasks


@pytest.mark.parametrize("per", ["sequence", "step"])
def test_of_a_table(tmp_path: Path, per: str) -> None:
    steps = np.arange(200)
    frame = pd.DataFrame({"id": steps // 5, "a": steps % 7, "level": 20.5, "load": steps * 0.3})
    if per == "sequence":
        frame["load"] = frame["id"] * 0.3
    frame.to_csv(tmp_path / "a.csv", index=False)
    said = r"a\.csv: .*target 'level' is 20\.5 in all of the training part, so there is nothing"
    for target in ("level", '"load,level"'):
        with pytest.raises(ValueError, match=said):
            tasks.load(f"{tmp_path}/a.csv:sequence=id,target={target},per={per},kind=regression")


@pytest.mark.parametrize(
    ("y", "options", "said"),
    [
        (np.full(60, 2.5), "", "target 'y' is 2.5 in all of the training part"),
        (np.full((60, 4), 3), "", "y has one class only, 3"),
        (np.ones((60, 2)), ":kind=multilabel,per=sequence", "every target of the .* is 1, 1, so"),
        # One class in the file's own training part, both in the other.
        (np.zeros((60, 4), int), "own", "every target of the training split is '0', so"),
    ],
)
def test_of_arrays(tmp_path: Path, y: Any, options: str, said: str) -> None:
    x = np.random.RandomState(0).randn(60, 4, 1)
    own = {"x_validation": x, "y_validation": np.arange(240).reshape(60, 4) % 2}
    np.savez(tmp_path / "a.npz", x=x, y=y, **(own if options == "own" else {}))
    with pytest.raises(ValueError, match=said):
        tasks.load(f"{tmp_path / 'a.npz'}{options.removeprefix('own')}")


def test_of_a_forecast(tmp_path: Path) -> None:
    pd.DataFrame({"load": np.full(300, 7.25)}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="column 'load' repeats itself every 1 rows"):
        tasks.load(f"forecast:file={tmp_path}/a.csv,target=load,window=24")
