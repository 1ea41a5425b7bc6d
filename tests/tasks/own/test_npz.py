"""Arrays that users bring, good and bad."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from npz_examples import X, load_npz
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.tasks import IGNORED, LoadedTask


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
    assert list(task.metrics)[:2] == ["mse", "mae"]
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
    with pytest.raises(ValueError, match="that is 1 features; in training there were 2"):
        task.unseal()


def test_targets_for_the_test_are_not_rounded(tmp_path: Path) -> None:
    """Of classes 0 and 1, 0.9 was 0."""
    y = np.arange(30) % 2
    for odd in (np.array([0.9, 1.0]), np.array([1.0, math.inf])):
        task = load_npz(tmp_path, x=X, y=y, x_test=X[:2], y_test=odd)
        with pytest.raises(ValueError, match=r"y_test\): y holds .*; classes must be integers"):
            task.unseal()
    labels = np.stack((y, 1 - y), axis=1)
    for part in ("validation", "test"):
        own = {f"x_{part}": X[:2], f"y_{part}": labels[:2] * 2}
        with pytest.raises(ValueError, match=rf"y_{part}\): y holds 2; valid for kind=multilabel"):
            load_npz(tmp_path, ":kind=multilabel,per=sequence", x=X, y=labels, **own).unseal()


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
        (
            {"x": X, "y": np.array([None] * 30)},
            "cannot be read: it holds Python objects.*array lengths",
        ),
        ({"x": X, "y": Y * 0}, "one class only"),
        ({"x": X[:2], "y": Y[:2]}, "too few examples"),
        ({"x": X, "y": np.arange(30)}, "too few examples of class '0'.*kind=regression"),
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


def test_several_values_for_a_sequence_are_asked_for(tmp_path: Path) -> None:
    y = np.random.RandomState(0).rand(30, 4) * [1, 10, 100, 1e9]
    task = load_npz(tmp_path, ":per=sequence", x=X, y=y)
    assert (task.readout, task.output_size) == ("last", 4)
    scores = task.score(torch.zeros(len(task.train), 4), task.train.targets, {})
    assert scores["loss"] == pytest.approx(1, rel=1e-5)
    labels = load_npz(tmp_path, ":per=sequence,kind=multilabel", x=X, y=(y > 0.5).astype(int))
    assert labels.train.targets.shape == (len(labels.train), 4)


def test_features_are_scaled_where_that_is_asked_for(tmp_path: Path) -> None:
    task = load_npz(tmp_path, ":scale=standard", x=X * 50 + 7, y=np.arange(30) % 2)
    steps = task.train.inputs.flatten(0, 1)
    torch.testing.assert_close(steps.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(steps.std(0, unbiased=False), torch.ones(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("offset", "scale"), [(1e6, 1e-3), (1.7e12, 3000.0)])
def test_features_far_from_0_are_measured_before_they_are_rounded(
    tmp_path: Path, offset: float, scale: float
) -> None:
    z = np.random.RandomState(0).randn(50, 6, 1)
    np.savez(tmp_path / "a.npz", x=offset + scale * z, y=np.arange(50) % 2)
    task = tasks.load(f"{tmp_path / 'a.npz'}:scale=standard")
    assert float(task.train.inputs.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(task.train.inputs.std(correction=0)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("x", [X + 1e9, X * 1e-300, X + np.array([0.0, 1e8])])
@pytest.mark.parametrize("lengths", [{}, {"lengths": np.array([5, 3, 4] * 10)}])
def test_a_feature_whose_changes_float32_would_lose_is_refused(
    x: np.ndarray, lengths: dict[str, Any], tmp_path: Path
) -> None:
    y = np.array([0, 1, 2] * 10)
    with pytest.raises(ValueError, match=r"feature [01] of x is so far from 0, or so near"):
        load_npz(tmp_path, x=x, y=y, **lengths)
    task = load_npz(tmp_path, ":scale=standard", x=X + 1e9, y=y)
    changes = task.train.inputs.double().diff(dim=1)
    assert changes.abs().min() > 0
    assert load_npz(tmp_path, x=X * 1e30, y=y).train.inputs.abs().max() > 1e30


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_part_with_fewer_targets_than_sequences_is_refused(part: str, tmp_path: Path) -> None:
    y = np.array([0, 1, 2] * 10)
    given = {f"x_{part}": X[:9], f"y_{part}": y[:8]}
    with pytest.raises(ValueError, match=r"y has shape \(8,\)"):
        load_npz(tmp_path, x=X, y=y, **given).unseal()
