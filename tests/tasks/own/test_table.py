"""Tables that users bring, good and bad."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from optcell_search import tasks


def frame(per_step: bool = False) -> pd.DataFrame:
    """Return 12 sequences of 2, 3 or 4 steps, their rows in disorder."""
    rows = [
        {"who": f"s{s:02}", "t": t, "a": s + t / 10, "b": -t, "y": "odd" if s % 2 else "even"}
        for s in range(12)
        for t in range(2 + s % 3)
    ]
    table = pd.DataFrame(rows)
    if per_step:
        table["y"] = table["a"] * 2
    return table.sample(frac=1, random_state=3)


def save(table: pd.DataFrame, folder: Path, suffix: str = ".csv") -> str:
    path = folder / f"data{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return f"{path}:sequence=who,time=t,target=y"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_table_becomes_sequences(tmp_path: Path, suffix: str) -> None:
    task = tasks.load(save(frame(), tmp_path, suffix))
    assert (task.readout, task.classes, task.input_size) == ("last", ("even", "odd"), 2)
    seen = set()
    for split in (task.train, task.validation, task.unseal()):
        assert split.lengths is not None
        for x, y, length in zip(split.inputs, split.targets, split.lengths.tolist(), strict=True):
            s = round(float(x[0, 0]))
            seen.add(s)
            assert length == 2 + s % 3
            expected = [[s + t / 10, -t] for t in range(length)] + [[0, 0]] * (4 - length)
            assert torch.allclose(x, torch.tensor(expected))
            assert y == s % 2
    assert seen == set(range(12))


def test_table_with_a_target_in_every_row(tmp_path: Path) -> None:
    task = tasks.load(save(frame(per_step=True), tmp_path))
    assert (task.readout, task.output_size) == ("every", 1)
    inside = task.train.targets.isfinite()
    assert torch.equal(inside.sum((1, 2)), task.train.lengths)
    assert torch.allclose(task.train.targets[inside], 2 * task.train.inputs[..., :1][inside])


def test_table_without_time_keeps_the_order_of_rows(tmp_path: Path) -> None:
    # Rows of 30 sequences taken in turn, long enough for an unstable sort to show.
    table = pd.DataFrame({"who": [*range(30)] * 20, "a": np.repeat(np.arange(20), 30)})
    table["y"] = table["who"] % 2
    spec = save(table, tmp_path).replace("time=t,", "")
    x = tasks.load(spec).train.inputs
    assert torch.equal(x, torch.arange(20.0).expand(len(x), 20).unsqueeze(-1))


def test_equal_lengths_need_no_packing(tmp_path: Path) -> None:
    table = frame()
    assert tasks.load(save(table[table["t"] < 2], tmp_path)).train.lengths is None


def double_rows(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[:1]])


@pytest.mark.parametrize(
    ("change", "options", "complaint"),
    [
        (lambda t: t, "sequence=who", "needs the columns of sequence and target"),
        (lambda t: t, "sequence=id,target=y", "no column 'id' for sequence; valid: who, t, a, b"),
        (lambda t: t, "sequence=who,target=y,time=when", "no column 'when' for time"),
        (lambda t: t, "sequence=who,target=who", "must be different columns"),
        (
            lambda t: t.assign(a=math.nan),
            "sequence=who,target=y",
            "column 'a' has missing values only",
        ),
        (lambda t: t.assign(a="x"), "sequence=who,target=y", "feature column 'a' holds"),
        (lambda t: t[["who", "y"]], "sequence=who,target=y", "no feature column"),
        (lambda t: t[:0], "sequence=who,target=y", "no row|feature column"),
        (double_rows, "sequence=who,target=y,time=t", "has two rows with t = "),
        (lambda t: t.assign(a=math.inf), "sequence=who,target=y", "'a': row 1 holds 'inf'"),
        (lambda t: t[t["who"] < "s02"], "sequence=who,target=y", "too few examples"),
    ],
)
def test_bad_tables_are_one_clear_line(
    tmp_path: Path, change: Any, options: str, complaint: str
) -> None:
    path = tmp_path / "data.csv"
    change(frame()).to_csv(path, index=False)
    with pytest.raises(ValueError, match=complaint) as caught:
        tasks.load(f"{path}:{options}")
    assert "data.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00broken", b'who,y\n"a,1\n2,3,4,5\n'])
def test_unreadable_tables_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"data{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=f"data{suffix}") as caught:
        tasks.load(f"{tmp_path / 'data'}{suffix}:sequence=who,target=y")
    assert "\n" not in str(caught.value)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = save(frame(), tmp_path, ".parquet")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    with pytest.raises(ValueError, match=r"reading \.parquet needs pyarrow: pip install pyarrow"):
        tasks.load(spec)


def test_pandas_is_imported_for_tables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def watch(name: str, *args: Any, **kwargs: Any) -> Any:
        assert not name.startswith("pandas")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", watch)
    tasks.load("adding:examples=10")
