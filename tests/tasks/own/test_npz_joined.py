"""Sequences of unequal length that lie one after the other in one array."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from npz_examples import load_npz

from optcell_search.raw.ragged import Ragged, ragged

LENGTHS = np.random.RandomState(1).randint(1, 9, 30)


def one_after_the_other(*, per_step: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return sequences of unequal length twice: one after the other, and padded to 11 steps."""
    random = np.random.RandomState(2)
    x = random.randn(LENGTHS.sum(), 2)
    y = random.randn(LENGTHS.sum() if per_step else 30)
    laid, targets = np.zeros((30, 11, 2)), np.full((30, 11), math.nan)
    inside = np.arange(11) < LENGTHS[:, None]
    laid[inside] = x
    if per_step:
        targets[inside] = y
    padded = {"x": laid, "y": targets if per_step else y, "lengths": LENGTHS}
    return {"x": x, "y": y, "lengths": LENGTHS}, padded


@pytest.mark.parametrize("per_step", [False, True])
def test_sequences_one_after_the_other_are_the_padded_ones(tmp_path: Path, per_step: bool) -> None:
    joined, padded = one_after_the_other(per_step=per_step)
    one = load_npz(tmp_path, ":scale=standard", **joined)
    one.unseal()
    two = load_npz(tmp_path, ":scale=standard", **padded)
    two.unseal()
    for part in ("train", "validation", "test"):
        first, second = getattr(one, part), getattr(two, part)
        assert first.lengths.tolist() == second.lengths.tolist()
        width = first.inputs.shape[1]
        assert torch.equal(first.inputs, second.inputs[:, :width])
        wanted = second.targets[:, :width] if per_step else second.targets
        assert torch.equal(first.targets.isnan(), wanted.isnan())
        assert torch.equal(first.targets.nan_to_num(), wanted.nan_to_num())


def test_one_long_sequence_among_short_ones_is_not_padded(tmp_path: Path) -> None:
    lengths = np.array([*[3] * 499, 60_000])
    x = np.random.RandomState(0).randn(int(lengths.sum()), 1)
    y = (x[:, 0] > 0).astype(int)
    task = load_npz(tmp_path, x=x, y=y, lengths=lengths)
    task.unseal()
    for part in ("train", "validation", "test"):
        split, raw = getattr(task, part), task.raw(part)
        assert isinstance(split.inputs, Ragged) == (60_000 in raw["lengths"])
        steps, targets = split.unpadded().values, ragged(split.targets, split.lengths).values
        assert len(steps) == raw["lengths"].sum() == len(raw["x"])
        assert torch.equal(steps[:, 0] > 0, targets == 1)
        assert torch.equal(targets, torch.from_numpy(raw["y"]))
    # Each step is named by its sequence and its place there, as it would be padded.
    inputs = task.preprocessing.inputs({"x": x, "lengths": lengths})
    assert inputs.rows[:4].tolist() == [0, 1, 2, 60_000]


JOINED = one_after_the_other(per_step=True)[0]
SPOILT = np.where(np.arange(LENGTHS.sum()) == LENGTHS[0], math.nan, 1.0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lengths": LENGTHS[1:]}, f"lengths must be .* that make {LENGTHS.sum()} in all"),
        ({"lengths": LENGTHS * 1.0}, "lengths must be whole numbers"),
        ({"lengths": np.where(np.arange(30) == 2, 0, LENGTHS)}, "lengths must be whole numbers"),
        ({"y": JOINED["y"][1:]}, r"y has shape \(\d+,\), valid beside x"),
        ({"x": JOINED["x"] * SPOILT[:, None]}, r"the first at \(1, 0, 0\)"),
    ],
)
def test_joined_sequences_that_do_not_fit_are_one_clear_line(
    tmp_path: Path, change: dict[str, np.ndarray], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        load_npz(tmp_path, **{**JOINED, **change})
    assert "data.npz" in str(caught.value)


def test_an_unknown_class_of_a_step_is_said_with_its_place(tmp_path: Path) -> None:
    joined = JOINED | {"y": np.arange(LENGTHS.sum()) % 2}
    made = load_npz(tmp_path, **joined).preprocessing
    wrong = joined | {"y": np.where(np.arange(LENGTHS.sum()) == LENGTHS[0], 7, joined["y"])}
    with pytest.raises(ValueError, match="y, sequence 1, step 0: class '7' is not in"):
        made.targets(wrong, made.inputs(wrong))
