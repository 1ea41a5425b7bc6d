"""The loss that a candidate is trained with, where it is not simply the task's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from optcell_search import registry
from optcell_search.penalties import Penalty
from optcell_search.penalties.base import Drivers
from optcell_search.space import Candidate, Training
from optcell_search.tasks import LoadedTask, Split
from optcell_search.tasks.goals import IGNORED, Classification

Loss = Callable[[Tensor, Tensor], Tensor]


def own_loss(training: Training, task: LoadedTask) -> Loss | None:
    """Return the loss of outputs and targets, or None where it is the task's own.

        - sum_i w_{y_i} sum_c q_ic log p_ic / sum_i w_{y_i},   q_ic = (1 - a) [c = y_i] + a / C

    with p the softmax of the outputs, a the label smoothing over C classes, and w_c = n / (C n_c)
    for balanced classes, n_c the number of training targets of class c, and 1 for others. A class
    without any keeps n_c = 1. Without any target the loss is 0. `torch.nn.CrossEntropyLoss` weighs
    the share that smoothing gives to another class by that class instead: below a twentieth of rare
    examples, at a = 0.1, the rare class is then the best answer to everything.

    Source: Szegedy et al.: Rethinking the Inception Architecture, CVPR 2016, arXiv 1512.00567,
    section 7; the weights are those of scikit-learn's ``class_weight="balanced"``.
    """
    if not training.label_smoothing and training.class_weights == "none":
        return None
    goal = task.goal
    assert isinstance(goal, Classification)
    weights = None
    if training.class_weights == "balanced":
        weights = balanced(task.train, goal.classes)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        flat = targets.flatten()
        each = cross_entropy(
            outputs.flatten(0, -2),
            flat,
            ignore_index=IGNORED,
            label_smoothing=training.label_smoothing,
            reduction="none",
        )
        counted = (flat != IGNORED).to(each.dtype)
        if weights is not None:
            counted = counted * weights.to(each.dtype)[flat.clamp(min=0)]
        total = counted.sum()
        return (counted * each).sum() / torch.where(total > 0, total, 1)

    return loss


def balanced(split: Split, classes: int) -> Tensor:
    """Return each class's weight (C,), in inverse proportion to its targets in `split`."""
    targets = split.known[split.known != IGNORED]
    counts = torch.bincount(targets, minlength=classes).clamp(min=1)
    return len(targets) / (classes * counts.double())


class CandidateLoss:
    """What a step of a candidate's training is to lower.

        its own loss or the task's + sum over its penalties of weight · mean violation

    Args:
        candidate: with its penalties.
        task: what it is trained on.
    """

    def __init__(self, candidate: Candidate, task: LoadedTask) -> None:
        self._task = task
        self._own = own_loss(candidate.training, task)
        self._terms: list[Penalty] = [
            registry.penalties.get(name)(**dict(options)) for name, options in candidate.penalties
        ]

    def __call__(self, outputs: Tensor, targets: Tensor, drivers: Drivers) -> Tensor:
        """Return the scalar for a batch's outputs, with its targets and drivers."""
        loss = (self._own or self._task.loss)(outputs, targets)
        if self._terms:
            predictions = self._task.goal.predictions(outputs)
            for term in self._terms:
                loss = loss + term.weight * term.penalty(predictions, drivers)
        return loss
