"""Several models as one: their probabilities, or the numbers they predict, are averaged."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from optcell_search import tasks
from optcell_search.cells.model import average
from optcell_search.space import SearchSpace
from optcell_search.tasks import (
    Classification,
    Goal,
    Labels,
    LoadedTask,
    NextSymbol,
    Regression,
    Split,
)
from optcell_search.training import examine, examine_together, outputs_on
from optcell_search.training.measuring.sketches import sketch

SPACE = {"cells": ["rnn"], "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}


def outputs(seed: int, size: int = 3) -> Tensor:
    return 3 * torch.randn(5, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("goal", [Classification(classes=3), NextSymbol(symbols=3)])
def test_probabilities_of_classes_are_averaged(goal: Goal) -> None:
    each = [outputs(seed) for seed in range(3)]
    expected = torch.stack([one.double().softmax(-1) for one in each]).mean(0)
    assert torch.allclose(average(each, goal.averaged).softmax(-1), expected)


def test_probabilities_of_labels_are_averaged_far_out_too() -> None:
    goal = Labels(names=("a", "b", "c"))
    each = [outputs(seed).double() for seed in range(3)]
    expected = torch.stack([one.sigmoid() for one in each]).mean(0)
    assert torch.allclose(average(each, goal.averaged).sigmoid(), expected)
    far = torch.tensor([[400.0, -400.0, 0.0]], dtype=torch.float64)
    assert torch.allclose(average([far, far], goal.averaged), far)


def test_numbers_are_averaged() -> None:
    each = [outputs(seed) for seed in range(3)]
    goal = Regression(values=3)
    assert torch.allclose(average(each, goal.averaged), torch.stack(each).double().mean(0))


def model_on(task: LoadedTask, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return SearchSpace.from_dict(SPACE).sample().build(task)


@pytest.mark.parametrize(
    "spec", ["digits", "adding:length=12,examples=700", "copying:lag=4,examples=100"]
)
def test_one_model_alone_scores_as_it_does_by_itself(spec: str) -> None:
    task = tasks.load(spec)
    model = model_on(task, 0)
    own, _ = examine(model, task.validation, task)
    answers = outputs_on(model, task.validation, task)
    together, diagnosis = examine_together([answers, answers], task.validation, task)
    assert together == pytest.approx(own, rel=1e-5)
    assert diagnosis.keys() == examine(model, task.validation, task)[1].keys()


def test_two_models_together_are_neither_of_them() -> None:
    task = tasks.load("digits")
    models = [model_on(task, seed) for seed in range(2)]
    answers = [outputs_on(model, task.validation, task) for model in models]
    together, _ = examine_together(answers, task.validation, task)
    single = [examine(model, task.validation, task)[0]["loss"] for model in models]
    # The logarithm is concave: never worse than the mean.
    assert together["loss"] < sum(single) / 2
    assert together["loss"] not in single


def test_the_worst_answers_come_with_their_sequences() -> None:
    task = tasks.load("digits")
    _, found = examine(model_on(task, 0), task.validation, task)
    assert len(found["worst"]) == 6
    for one in found["worst"]:
        whole = task.validation.inputs[one["index"]]
        assert pytest.approx(whole, rel=1e-3) == torch.tensor(one["values"]).T


def test_a_sketch_keeps_both_ends_and_leaves_padding_and_pictures_out() -> None:
    inputs = torch.arange(2 * 500 * 2).reshape(2, 500, 2) / 1000
    split = Split(inputs, torch.zeros(2), torch.tensor([500, 30]))
    long, short = sketch(split, 0), sketch(split, 1)
    assert [len(line) for line in (*long, *short)] == [100, 100, 30, 30]
    assert (long[0][0], long[1][-1]) == (0.0, 0.999)
    assert short[0][-1] == pytest.approx(1.058, rel=1e-3)
    assert sketch(Split(torch.zeros(1, 4, 9), torch.zeros(1)), 0) == []
