"""The generated tasks are the problems of their paper."""

from __future__ import annotations

import math

import pytest
import torch

from optcell_search import tasks
from optcell_search.tasks import IGNORED


def test_copying_asks_for_the_symbols_after_the_marker() -> None:
    task = tasks.load("copying:lag=7,examples=50")
    x, y = task.train.inputs, task.train.targets
    assert x.shape == (50, 27, 10)
    assert task.readout == "every"
    seen = x.argmax(-1)
    assert torch.equal(x.sum(-1), torch.ones(50, 27))
    symbols = seen[:, :10]
    assert symbols.min() == 1
    assert symbols.max() == 8
    marker = (seen == 9).nonzero()[:, 1]
    assert torch.equal(marker, torch.full((50,), 16))
    # lag steps lie between a symbol's place and its recall's marker, the rest is blank.
    assert (seen[:, 10:16] == 0).all()
    assert (seen[:, 17:] == 0).all()
    assert (y[:, :17] == 0).all()
    assert torch.equal(y[:, 17:], symbols)


def test_copying_may_score_the_recall_alone() -> None:
    y = tasks.load("copying:lag=7,examples=50,scored=recall").train.targets
    assert (y[:, :17] == IGNORED).all()
    assert (y[:, 17:] >= 1).all()


def test_copying_without_memory_has_the_loss_of_the_paper() -> None:
    task = tasks.load("copying:lag=30,examples=4000")
    y = task.train.targets
    # Blank for sure until the recall, then all symbols equally likely.
    outputs = torch.full((*y.shape, 9), -60.0, dtype=torch.float64)
    outputs[:, :40, 0] = 60.0
    outputs[:, 40:, 1:] = 60.0
    scores = task.score(outputs, y, {})
    assert scores["cross_entropy"] == pytest.approx(10 * math.log(8) / 50, abs=1e-12)
    assert scores["accuracy"] == pytest.approx(1 / 8, abs=0.01)  # of the recall, not of all steps


def test_adding_asks_for_the_sum_of_one_number_of_each_half() -> None:
    task = tasks.load("adding:length=11,examples=300")
    x, y = task.train.inputs, task.train.targets
    assert x.shape == (300, 11, 2)
    numbers, marks = x.unbind(-1)
    assert torch.equal(marks[:, :5].sum(1), torch.ones(300))
    assert torch.equal(marks[:, 5:].sum(1), torch.ones(300))
    assert (marks.sum(0) > 0).all()
    assert torch.allclose((numbers * marks).sum(1, keepdim=True), y)
    assert numbers.min() >= 0
    assert numbers.max() <= 1


def test_adding_by_a_constant_gives_a_sixth() -> None:
    task = tasks.load("adding:length=10,examples=10000")
    scores = task.score(torch.ones_like(task.train.targets), task.train.targets, {})
    assert scores["mse"] == pytest.approx(1 / 6, abs=0.005)


@pytest.mark.parametrize("spec", ["copying:lag=5,examples=100", "adding:length=5,examples=100"])
def test_splits_are_drawn_apart(spec: str) -> None:
    task = tasks.load(spec)
    train, validation, test = task.train, task.validation, task.unseal()
    assert len(validation) == len(test) == 10
    assert not torch.equal(train.inputs[:10], validation.inputs)
    assert not torch.equal(validation.inputs, test.inputs)
