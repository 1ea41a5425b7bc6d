"""The losses that a candidate may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from raw_examples import EXAMPLES
from recipes import candidate, trained

from optcell_search import tasks
from optcell_search.space import SearchSpace, SpaceError
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import Training, check_training
from optcell_search.training.recipe.losses import balanced, own_loss


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> LoadedTask:
    """A number for each sequence."""
    random = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("numbers") / "a.npz"
    np.savez(path, x=random.randn(40, 6, 2), y=random.randn(40))
    return tasks.load(str(path))


def test_smoothing_and_class_weights_are_in_the_loss(few_digits: LoadedTask) -> None:
    outputs = torch.randn(6, 10, dtype=torch.float64)
    targets = torch.tensor([0, 3, 3, -100, 9, 1])
    chosen = candidate(label_smoothing=0.1, class_weights="balanced").training
    loss = own_loss(chosen, few_digits)
    assert loss is not None
    share = torch.bincount(few_digits.train.targets, minlength=10).double()
    w = len(few_digits.train) / (10 * share)
    total, weight = 0.0, 0.0
    for logits, target in zip(outputs, targets.tolist(), strict=True):
        if target == -100:
            continue
        log_p = logits.log_softmax(0)
        # The whole smoothed target has the weight of its class.
        total -= float(w[target] * (0.9 * log_p[target] + 0.1 / 10 * log_p.sum()))
        weight += float(w[target])
    assert float(loss(outputs, targets)) == pytest.approx(total / weight)
    assert own_loss(candidate().training, few_digits) is None


def test_one_rare_class_under_smoothing_and_weights(tmp_path: Path) -> None:
    """Of 40 sequences two are of class 1: the weight of the others' share of it was too much."""
    y = np.zeros(40, dtype=np.int64)
    y[[3, 17]] = 1
    np.savez(tmp_path / "a.npz", x=np.random.RandomState(0).randn(40, 3, 1), y=y,
             x_validation=np.zeros((2, 3, 1)), y_validation=np.array([0, 1]))  # fmt: skip
    task = tasks.load(f"{tmp_path / 'a.npz'}")
    loss = own_loss(candidate(label_smoothing=0.2, class_weights="balanced").training, task)
    assert loss is not None
    common = torch.tensor([0])
    told = [float(loss(torch.tensor([[a, -a]]), common)) for a in (-0.5, 0.0, 0.5)]
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("changes", [{"label_smoothing": 0.1}, {"class_weights": "balanced"}])
def test_a_batch_without_targets_has_no_loss(
    few_digits: LoadedTask, changes: dict[str, Any]
) -> None:
    loss = own_loss(candidate(**changes).training, few_digits)
    assert loss is not None
    outputs = torch.randn(3, 10, requires_grad=True)
    nothing = loss(outputs, torch.full((3,), -100))
    nothing.backward()
    assert nothing.item() == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_a_class_without_targets_has_a_finite_weight() -> None:
    split = Split(torch.zeros(3, 1, 1), torch.tensor([0, 0, -100]))
    assert balanced(split, 2).tolist() == [0.5, 1.0]


def test_the_loss_is_the_one_that_is_trained_with(few_digits: LoadedTask) -> None:
    plain, smoothed = (
        trained(candidate(label_smoothing=a), few_digits, 1)[1][0]["train_loss"] for a in (0.0, 0.5)
    )
    assert plain != smoothed


@pytest.mark.parametrize(
    ("setting", "value", "default"),
    [("label_smoothing", 0.1, "0.0"), ("class_weights", "balanced", "'none'")],
)
def test_what_is_for_classes_is_refused_for_numbers(
    numbers: LoadedTask, setting: str, value: Any, default: str
) -> None:
    said = rf"training\.{setting}.*is for classes, and the task predicts numbers; valid: {default}"
    with pytest.raises(ValueError, match=said):
        Training(candidate(**{setting: value}), numbers, seed=0)
    space = {"cells": ["gru"], "rules": ["gd"], "training": {setting: value}}
    with pytest.raises(SpaceError, match=said):
        check_training(SearchSpace.from_dict(space), numbers)
    check_training(SearchSpace.load("smoke"), numbers)


def test_what_is_for_classes_is_refused_for_symbols(tmp_path: Path) -> None:
    text = tasks.load(EXAMPLES["text"](tmp_path), tmp_path)
    with pytest.raises(ValueError, match="is for classes, and the task predicts symbols"):
        Training(candidate(label_smoothing=0.1), text, seed=0)
