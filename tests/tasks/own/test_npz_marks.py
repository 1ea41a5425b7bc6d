"""Targets of arrays that are marked as lacking, and those that cannot be used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from npz_examples import X, load_npz

from optcell_search.tasks import IGNORED


def test_marked_steps_are_no_class_and_no_number(tmp_path: Path) -> None:
    y = np.arange(150).reshape(30, 5) % 3
    y[:, 2:] = IGNORED
    task = load_npz(tmp_path, x=X, y=y)
    assert task.classes == ("0", "1", "2")
    assert (task.train.targets[:, 2:] == IGNORED).all()
    assert (task.train.targets[:, :2] >= 0).all()
    numbers = np.linspace(0, 1, 150).reshape(30, 5)
    numbers[:, ::2] = math.nan
    task = load_npz(tmp_path, x=X, y=numbers)
    assert task.train.targets[:, ::2].isnan().all()
    assert math.isfinite(float(task.loss(torch.zeros(len(task.train), 5, 1), task.train.targets)))
    # Whole numbers beside NaN may be either; the user says which.
    gaps = np.where(y == IGNORED, math.nan, y)
    with pytest.raises(ValueError, match="kind=classification or kind=regression"):
        load_npz(tmp_path, x=X, y=gaps)
    classes = load_npz(tmp_path, ":kind=classification", x=X, y=gaps)
    assert classes.classes == ("0", "1", "2")
    assert (classes.train.targets[:, 2:] == IGNORED).all()


STEPS = np.arange(150).reshape(30, 5) % 3


@pytest.mark.parametrize(
    ("y", "mark"),
    [
        (STEPS, -100),
        (STEPS.astype("int8"), -100),
        (STEPS.astype(str), "-100"),
        (STEPS.astype(str), ""),
        (STEPS.astype(str), "nan"),
    ],
)
def test_steps_that_are_marked_are_of_no_class(y: np.ndarray, mark: Any, tmp_path: Path) -> None:
    y = y.astype("U4") if y.dtype.kind == "U" else y.copy()
    y[:, 3:] = mark
    task = load_npz(tmp_path, x=X, y=y)
    assert task.classes == ("0", "1", "2")
    assert (task.train.targets[:, 3:] == IGNORED).all()
    assert (task.train.targets[:, :3] != IGNORED).all()


@pytest.mark.parametrize("mark", [-100, float("nan")])
def test_whole_numbers_that_are_marked_may_be_classes(mark: float, tmp_path: Path) -> None:
    y = STEPS.astype("float32")
    y[:, 3:] = mark
    with pytest.raises(ValueError, match=r"kind=classification or kind=regression"):
        load_npz(tmp_path, x=X, y=y)
    task = load_npz(tmp_path, ":kind=classification", x=X, y=y)
    assert task.classes == ("0", "1", "2")


@pytest.mark.parametrize("y", [[0, 1, -100] * 10, ["a", "b", "nan"] * 10, ["a", "b", ""] * 10])
def test_a_sequence_without_a_class_is_refused(y: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"leave (them )?out"):
        load_npz(tmp_path, x=X, y=np.array(y))


@pytest.mark.filterwarnings("error")
def test_an_infinite_target_is_refused_without_a_warning(tmp_path: Path) -> None:
    y = STEPS.astype("float32")
    y[0, :2] = np.inf, np.nan
    with pytest.raises(ValueError, match="infinite"):
        load_npz(tmp_path, x=X, y=y)


def test_a_split_in_which_nothing_has_a_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no step of the validation split has a target"):
        load_npz(tmp_path, x=X, y=STEPS, x_validation=X, y_validation=np.full((30, 5), IGNORED))


@pytest.mark.filterwarnings("error")
def test_a_value_that_no_training_target_has_is_refused(tmp_path: Path) -> None:
    y = np.random.RandomState(0).rand(30, 5, 2)
    y[..., 1] = np.nan
    with pytest.raises(ValueError, match="'y1' has no value in the training part"):
        load_npz(tmp_path, x=X, y=y)


@pytest.mark.parametrize("option", ["", ":scale=standard"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_whole_numbers_that_float64_would_round_off_are_refused(
    option: str, dtype: type, tmp_path: Path
) -> None:
    far = (2**60 + np.arange(150)).astype(dtype).reshape(30, 5, 1)
    y = np.arange(30) % 2
    with pytest.raises(ValueError, match=r"x, number 0: row 2 holds 1152.* after 1152.*, whole"):
        load_npz(tmp_path, option, x=far, y=y)
    with pytest.raises(ValueError, match=r"y: row 2 holds 1152.*round their changes off"):
        load_npz(tmp_path, ":kind=regression", x=X, y=far[:, 0, 0])
    wide = (2**60 * (np.arange(150) % 7 - 3)).reshape(30, 5, 1)
    assert load_npz(tmp_path, ":scale=standard", x=wide, y=y).train.inputs.unique().numel() == 7
