"""Data that users bring: arrays and tables, good and bad."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.tasks import IGNORED, LoadedTask

X = np.random.RandomState(0).randn(30, 5, 2)


def load_npz(folder: Path, spec: str = "", **arrays: Any) -> LoadedTask:
    np.savez(folder / "data.npz", **arrays)
    return tasks.load(f"{folder / 'data.npz'}{spec}")


def targets_by_input(task: LoadedTask) -> dict[float, Any]:
    """Map each sequence's first number to its target, over all splits."""
    found = {}
    for split in (task.train, task.validation, task.unseal()):
        for x, y in zip(split.inputs, split.targets, strict=True):
            found[float(x[0, 0])] = y.tolist()
    return found


def test_integers_are_classes_in_numerical_order(tmp_path: Path) -> None:
    y = np.array([-1, 5, 10] * 10)
    task = load_npz(tmp_path, x=X, y=y)
    assert task.readout == "last"
    assert task.classes == ("-1", "5", "10")
    found = targets_by_input(task)
    for x, label in zip(X.astype(np.float32), y, strict=True):
        assert found[float(x[0, 0])] == [-1, 5, 10].index(label)


def test_texts_are_classes_in_alphabetical_order(tmp_path: Path) -> None:
    y = np.array(["walk", "run", "élan"] * 10)
    task = load_npz(tmp_path, x=X, y=y)
    assert task.classes == ("run", "walk", "élan")
    found = targets_by_input(task)
    assert found[float(np.float32(X[0, 0, 0]))] == 1


def test_other_numbers_are_predicted(tmp_path: Path) -> None:
    y = np.linspace(0, 1, 30)
    task = load_npz(tmp_path, x=X, y=y)
    assert list(task.metrics) == ["mse", "mae"]
    found = targets_by_input(task)
    for x, value in zip(X.astype(np.float32), y, strict=True):
        assert found[float(x[0, 0])] == pytest.approx([value])


def test_kind_regression_predicts_integers(tmp_path: Path) -> None:
    task = load_npz(tmp_path, ":kind=regression", x=X, y=np.arange(30))
    assert task.output_size == 1
    assert task.train.targets.dtype == torch.float32


@pytest.mark.parametrize(
    ("y", "outputs", "shape"),
    [
        (np.arange(150).reshape(30, 5) % 4, 4, (5,)),
        (np.linspace(0, 1, 150).reshape(30, 5), 1, (5, 1)),
        (np.linspace(0, 1, 450).reshape(30, 5, 3), 3, (5, 3)),
    ],
)
def test_targets_at_every_step(
    tmp_path: Path, y: np.ndarray, outputs: int, shape: tuple[int, ...]
) -> None:
    task = load_npz(tmp_path, x=X, y=y)
    assert (task.readout, task.output_size) == ("every", outputs)
    assert task.train.targets.shape[1:] == shape


def test_splits_of_the_users_own(tmp_path: Path) -> None:
    y = np.arange(30) % 2
    task = load_npz(
        tmp_path, x=X, y=y, x_validation=X[:4] + 9, y_validation=y[:4], x_test=X[:6], y_test=y[:6]
    )
    assert torch.equal(task.train.inputs, torch.tensor(X, dtype=torch.float32))
    assert torch.equal(task.validation.inputs, torch.tensor(X[:4] + 9, dtype=torch.float32))
    assert torch.equal(task.unseal().inputs, torch.tensor(X[:6], dtype=torch.float32))
    task = load_npz(tmp_path, x=X, y=y, x_test=X[:6], y_test=y[:6])
    assert len(task.train) + len(task.validation) == 30
    assert len(task.unseal()) == 6


def test_the_test_arrays_are_not_read_before_unsealing(tmp_path: Path) -> None:
    y = np.arange(30) % 2
    # A fault in the test split shows only when it is read, and then says where it is.
    task = load_npz(tmp_path, x=X, y=y, x_test=np.full((2, 5, 2), math.nan), y_test=y[:2])
    with pytest.raises(ValueError, match=r"x_test.*NaN"):
        task.unseal()
    task = load_npz(tmp_path, x=X, y=y, x_test=X[:2], y_test=np.array([0, 7]))
    with pytest.raises(ValueError, match="class '7' is not in the training data"):
        task.unseal()
    task = load_npz(tmp_path, x=X, y=y, x_test=X[:2], y_test=X[:2, :, 0])
    with pytest.raises(ValueError, match="one target per sequence"):
        task.unseal()
    task = load_npz(tmp_path, x=X, y=y * 0.5, x_test=X[:2], y_test=np.array(["a", "b"]))
    with pytest.raises(ValueError, match="holds texts, in training numbers"):
        task.unseal()
    task = load_npz(tmp_path, x=X, y=X, x_test=X[:2], y_test=X[:2, :, :1])
    with pytest.raises(ValueError, match="y has 1 values, in training 2"):
        task.unseal()
    task = load_npz(tmp_path, x=X, y=y, x_test=X[:2, :, :1], y_test=y[:2])
    with pytest.raises(ValueError, match="has 1 features, its training split 2"):
        task.unseal()


def test_lengths_hide_what_is_behind_them(tmp_path: Path) -> None:
    x, y = X.copy(), np.linspace(0, 1, 150).reshape(30, 5)
    lengths = np.full(30, 3)
    x[:, 3:], y[:, 3:] = math.nan, math.nan
    task = load_npz(tmp_path, x=x, y=y, lengths=lengths)
    assert task.train.lengths is not None
    assert (task.train.inputs[:, 3:] == 0).all()
    assert task.train.targets[:, 3:].isnan().all()
    assert task.train.targets[:, :3].isfinite().all()
    classes = load_npz(tmp_path, x=x, y=np.arange(150).reshape(30, 5) % 3, lengths=lengths)
    assert (classes.train.targets[:, 3:] == IGNORED).all()
    assert (classes.train.targets[:, :3] >= 0).all()


Y = np.arange(30) % 2
HOLE = np.where(np.arange(300).reshape(30, 5, 2) == 123, math.nan, X)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"x": X}, "array 'y' is missing; there are x"),
        ({"x": X, "y": Y, "x_test": X}, "array 'y_test' is missing"),
        ({"x": X, "y": Y, "x_val": X, "y_val": Y}, "'x_val' is unknown; valid: x, y"),
        ({"x": X[0], "y": Y}, r"x has shape \(5, 2\), valid: \(sequences, time, features\)"),
        ({"x": X[:0], "y": Y[:0]}, r"x has shape \(0, 5, 2\)"),
        ({"x": X, "y": Y[:-1]}, r"y has shape \(29,\), valid"),
        ({"x": X, "y": np.zeros((30, 4))}, r"y has shape \(30, 4\), valid"),
        ({"x": X, "y": np.zeros((30, 5, 2), int)}, r"valid for classes: \(30,\) or \(30, 5\)"),
        ({"x": HOLE, "y": Y}, r"x has 1 values that are NaN.*first at \(12, 1, 1\)"),
        ({"x": X * 1e200, "y": Y}, "beyond float32"),
        ({"x": X, "y": np.full(30, math.inf)}, "y has 30 values"),
        ({"x": X.astype(complex), "y": Y}, "complex128"),
        ({"x": X.astype(str), "y": Y}, "valid: real numbers"),
        ({"x": X, "y": Y * 1j}, "valid: numbers or texts"),
        ({"x": X, "y": np.array([None] * 30)}, "cannot be read.*allow_pickle"),
        ({"x": X, "y": Y * 0}, "one class only"),
        ({"x": X[:2], "y": Y[:2]}, "too few examples"),
        ({"x": X, "y": np.arange(30)}, "too few examples of class number 0"),
        ({"x": X, "y": Y, "lengths": np.full(30, 6)}, "30 whole numbers from 1 to 5"),
        ({"x": X, "y": Y, "lengths": np.full(30, 0)}, "30 whole numbers from 1 to 5"),
        ({"x": X, "y": Y, "lengths": np.full(29, 2)}, "30 whole numbers from 1 to 5"),
        ({"x": X, "y": Y, "x_validation": X[..., :1], "y_validation": Y}, "1 features"),
        ({"x": X, "y": Y, "x_validation": X, "y_validation": X[..., 0]}, "numbers in shape"),
        ({"x": X, "y": Y, "x_validation": X, "y_validation": Y * 1.0}, "in training whole numbers"),
    ],
)
def test_bad_arrays_are_one_clear_line(
    tmp_path: Path, arrays: dict[str, np.ndarray], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        load_npz(tmp_path, **arrays)
    assert "data.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "y", "complaint"),
    [
        ("classification", np.linspace(0, 1, 30), "classes must be integers or texts"),
        ("regression", Y.astype(str), "holds texts"),
    ],
)
def test_kind_must_fit(tmp_path: Path, kind: str, y: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load_npz(tmp_path, f":kind={kind}", x=X, y=y)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(cut=st.floats(0, 1), flip=st.integers(1, 255), at=st.floats(0, 1), zipped=st.booleans())
def test_damaged_npz_is_read_whole_or_refused(
    tmp_path: Path, cut: float, flip: int, at: float, zipped: bool
) -> None:
    path = tmp_path / "data.npz"
    (np.savez_compressed if zipped else np.savez)(path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= flip
    path.write_bytes(content[: int(len(content) * min(1.0, 2 * cut))])
    complaint = complaint_of(lambda: tasks.load(str(path)))
    assert complaint is None or "data.npz" in complaint


def test_a_single_array_is_no_npz(tmp_path: Path) -> None:
    with open(tmp_path / "data.npz", "wb") as file:
        np.save(file, X)
    with pytest.raises(ValueError, match="a single array"):
        tasks.load(str(tmp_path / "data.npz"))


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
        (lambda t: t.assign(a=math.nan), "sequence=who,target=y", "missing values.*column 'a'"),
        (lambda t: t.assign(a="x"), "sequence=who,target=y", "feature column 'a' holds"),
        (lambda t: t[["who", "y"]], "sequence=who,target=y", "no feature column"),
        (lambda t: t[:0], "sequence=who,target=y", "no row|feature column"),
        (double_rows, "sequence=who,target=y,time=t", "has two rows with t = "),
        (lambda t: t.assign(a=math.inf), "sequence=who,target=y", "infinite"),
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
    with pytest.raises(ValueError, match=r"optcell-search\[parquet\]"):
        tasks.load(spec)


def test_pandas_is_imported_for_tables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def watch(name: str, *args: Any, **kwargs: Any) -> Any:
        assert not name.startswith("pandas")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", watch)
    tasks.load("adding:examples=10")
