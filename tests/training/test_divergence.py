"""Trainings that cannot be continued, and saved ones that are another's."""

from __future__ import annotations

import math

import pytest
import torch
from small_trainings import BATCHES, candidate

from optcell_search import tasks
from optcell_search.tasks import LoadedTask
from optcell_search.training import (
    DivergedError,
    Training,
    divergence,
)


@pytest.fixture(scope="module")
def digits() -> LoadedTask:
    return tasks.load("digits")


@pytest.mark.parametrize("steps_between_checks", [1, 50])
def test_divergence_names_what_and_when(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch, steps_between_checks: int
) -> None:
    # On a GPU it is found only later, which must not change what is said.
    monkeypatch.setitem(divergence.STEPS_BETWEEN_CHECKS, "cpu", steps_between_checks)
    training = Training(candidate(), digits, seed=0)
    training.epoch()
    calls = 0
    original = LoadedTask.loss

    def loss(task: LoadedTask, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return original(task, outputs, targets) * (math.nan if calls == 5 else 1)

    monkeypatch.setattr(LoadedTask, "loss", loss)
    with pytest.raises(DivergedError, match=r"^loss is not finite at epoch 2, step 5$"):
        training.epoch()
    assert calls == (5 if steps_between_checks == 1 else BATCHES)


def test_weights_that_have_grown_too_far_diverge(digits: LoadedTask) -> None:
    training = Training(candidate(), digits, seed=0)
    with torch.no_grad():
        training.model.readout.weight.mul_(1e39)
    with pytest.raises(DivergedError, match=r"^loss is not finite at epoch 1, step 1$"):
        training.epoch()


def test_a_gradient_can_diverge_alone(digits: LoadedTask, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(candidate(), digits, seed=0)
    training.model.readout.weight.register_hook(lambda grad: grad * math.inf)
    with pytest.raises(DivergedError, match=r"^gradient is not finite at epoch 1, step 1$"):
        training.epoch()


def test_a_validation_loss_can_diverge_alone(digits: LoadedTask) -> None:
    training = Training(candidate(), digits, seed=0)
    training._train_epoch = lambda: 0.0  # type: ignore[method-assign]
    with torch.no_grad():
        training.model.readout.weight.fill_(math.inf)
    with pytest.raises(DivergedError, match="validation loss is nan after epoch 1"):
        training.epoch()
