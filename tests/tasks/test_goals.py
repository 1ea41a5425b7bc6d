"""Losses and metrics, over parts and over targets that are not there."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.tasks import IGNORED, Classification, Goal, Labels, NextSymbol, Regression
from optcell_search.tasks.goals import scores


def test_classification_by_hand() -> None:
    goal = Classification(classes=3)
    outputs = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0], [5.0, 6.0, 7.0]])
    targets = torch.tensor([2, 0, IGNORED])
    scores = goal.finish(goal.tally(outputs, targets))
    expected = (math.log(3) + math.log(2)) / 2
    assert scores["accuracy"] == 0.5
    assert scores["cross_entropy"] == scores["loss"] == pytest.approx(expected, rel=1e-7)
    assert float(goal.loss(outputs, targets)) == pytest.approx(expected, rel=1e-6)


def test_regression_by_hand() -> None:
    goal = Regression(values=1)
    outputs = torch.tensor([[1.0], [2.0], [9.0]])
    targets = torch.tensor([[0.0], [5.0], [math.nan]])
    scores = goal.finish(goal.tally(outputs, targets))
    expected = {"mse": 5.0, "mae": 2.0, "rmse": math.sqrt(5), "r2": 1 - 10 / 12.5, "loss": 5.0}
    assert scores == pytest.approx(expected, rel=1e-12)
    assert float(goal.loss(outputs, targets)) == 5.0


def test_missing_targets_give_no_gradient_and_no_nan() -> None:
    outputs = torch.zeros(3, 1, requires_grad=True)
    Regression(values=1).loss(outputs, torch.tensor([[1.0], [math.nan], [2.0]])).backward()
    assert outputs.grad is not None
    assert outputs.grad.flatten().tolist() == [-1.0, 0.0, -2.0]


@pytest.mark.parametrize(
    ("goal", "targets"),
    [
        (Classification(classes=3), torch.full((2, 4), IGNORED)),
        (NextSymbol(symbols=3), torch.full((2, 4), IGNORED)),
        (Labels(names=("a", "b", "c")), torch.full((2, 4, 3), math.nan)),
        (Regression(values=3), torch.full((2, 4, 3), math.nan)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_without_any_target_the_loss_is_0_and_no_metric_is_known(
    goal: Goal, targets: torch.Tensor
) -> None:
    outputs = torch.randn(2, 4, 3, generator=torch.manual_seed(0)).requires_grad_()
    loss = goal.loss(outputs, targets)
    loss.backward()
    assert outputs.grad is not None
    assert float(loss.detach()) == float(outputs.grad.abs().max()) == 0
    scores = goal.finish(goal.tally(outputs.detach(), targets))
    assert all(math.isnan(scores[name]) for name in goal.metrics)


@given(st.integers(1, 9), st.sampled_from(["last", "every", "recall", "numbers"]))
def test_tallies_of_parts_add_up(cut: int, kind: str) -> None:
    random = torch.Generator().manual_seed(cut)
    goal: Goal
    if kind == "numbers":
        goal = Regression(values=2)
        outputs = torch.randn(10, 4, 2, generator=random)
        targets = torch.randn(10, 4, 2, generator=random)
        targets[0, 1] = math.nan
    else:
        goal = Classification(classes=5, judged_steps=2 if kind == "recall" else 0)
        shape = (10,) if kind == "last" else (10, 4)
        outputs = torch.randn(*shape, 5, generator=random)
        targets = torch.randint(0, 5, shape, generator=random)
        targets.view(-1)[0] = IGNORED
    whole = goal.finish(goal.tally(outputs, targets))
    parts = [goal.tally(outputs[:cut], targets[:cut]), goal.tally(outputs[cut:], targets[cut:])]
    assert goal.finish(goal.merge(parts)) == pytest.approx(whole, rel=1e-12)
    assert whole["loss"] == pytest.approx(float(goal.loss(outputs, targets)), rel=1e-5)
    assert set(goal.metrics) <= set(whole)


def test_r2_is_not_defined_where_all_numbers_are_the_same() -> None:
    # The mean of sixty times 0.1 is not 0.1.
    still = np.full((60, 1), 0.1)
    assert math.isnan(scores.scores(still + 1, still)["r2"])
    moving = np.column_stack([still, np.arange(60.0)])
    assert scores.scores(moving, moving)["r2"] == 1


@pytest.mark.parametrize(
    ("goal", "targets"),
    [
        (Classification(classes=3), torch.tensor([0, 1, IGNORED])),
        (Labels(names=("a", "b", "c")), torch.tensor([[0.0, 1, 1], [1, 0, 1], [math.nan] * 3])),
        (NextSymbol(symbols=3), torch.tensor([0, 1, IGNORED])),
        (Regression(values=3), torch.tensor([[0.0, 1, 1], [1, 0, 1], [math.nan] * 3])),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_output_that_is_no_number_is_no_right_answer(goal: Goal, targets: torch.Tensor) -> None:
    outputs = torch.randn(3, 3, generator=torch.manual_seed(0))
    outputs[2] = math.nan  # of a target that is not there
    assert all(map(math.isfinite, goal.finish(goal.tally(outputs, targets)).values()))
    # It would be the first class, and no label.
    outputs[0] = math.nan
    scores = goal.finish(goal.tally(outputs, targets))
    assert list(scores) == [*goal.metrics, "loss"]
    assert all(map(math.isnan, scores.values()))
