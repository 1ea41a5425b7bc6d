"""Terms of the loss besides the task's own, and pre-training within the budget of epochs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from optcell_search import registry
from optcell_search.penalties import Penalty
from optcell_search.penalties.base import Drivers
from optcell_search.space import Candidate, SearchSpace
from optcell_search.tasks import Data, LoadedTask, ScaledRegression, Split, Task, load
from optcell_search.training import Training, objectives, train
from optcell_search.tuning.resolving.resolve import resolve


@dataclass(frozen=True, kw_only=True)
class Ceiling(Penalty):
    """Predictions stay below a ceiling."""

    name: ClassVar[str] = "ceiling"
    title: ClassVar[str] = "prediction above its ceiling"
    unit: ClassVar[str] = "m"
    needs: ClassVar[tuple[str, ...]] = ("ceiling",)

    def violations(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        return torch.relu(predictions[..., 0] - drivers["ceiling"])


@dataclass(frozen=True, kw_only=True)
class Waves(Task):
    """A running sum, seen at every fifth step; the process model knows half of it."""

    name: ClassVar[str] = "waves"
    title: ClassVar[str] = "a running sum"

    def search_data(self, folder: Path) -> Data:
        train = self._split(0)
        return Data(
            train=train,
            validation=self._split(1),
            goal=ScaledRegression(values=1, offset=1.0, scale=2.0),
            readout="every",
            pretraining=Split(train.inputs, train.inputs.cumsum(1) / 2, drivers=train.drivers),
        )

    def test_data(self, folder: Path) -> Split:
        return self._split(2)

    def _split(self, seed: int) -> Split:
        x = torch.rand(12, 10, 1, generator=torch.Generator().manual_seed(seed))
        y = x.cumsum(1)
        y[:, torch.arange(10) % 5 != 0] = torch.nan
        return Split(x, y, drivers={"ceiling": torch.full((12, 10), -3.0)})


@pytest.fixture(autouse=True)
def ceiling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = registry.Registry("penalty", "penalties")
    found.__dict__["_plugins"] = {**registry.penalties._plugins, "ceiling": Ceiling}
    monkeypatch.setattr(registry, "penalties", found)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def waves() -> LoadedTask:
    return LoadedTask(Waves(), Path())


def candidate(pretrain_epochs: int = 0, weight: float | None = None) -> Candidate:
    data: dict[str, Any] = {
        "cell": {"name": "gru"},
        "rule": {"name": "gd"},
        "model": {"hidden_size": 8},
        "training": {"batch_size": 4, "lr": 0.02, "pretrain_epochs": pretrain_epochs},
    }
    if weight is not None:
        data["penalty"] = {"ceiling": {"weight": weight}}
    return Candidate.from_dict(data)


def test_objectives_that_have_their_drivers_are_metrics(waves: LoadedTask) -> None:
    assert list(waves.metrics) == ["rmse", "mae", "r2", "ceiling", "ceiling_share"]
    assert set(objectives(waves)) > set(waves.metrics)
    (metrics,) = train(candidate(), waves, epochs=1, seed=0)
    assert metrics["ceiling"] > 0
    assert metrics["ceiling_share"] == 1.0
    split = waves.validation
    outputs = torch.full((12, 10, 1), 0.25)  # predictions of 1.5 m, 4.5 m above the ceiling
    score = waves.score(outputs, split.targets, split.drivers)
    assert score["ceiling"] == pytest.approx(4.5)


def test_a_task_without_drivers_is_judged_by_its_goal_alone() -> None:
    assert list(load("adding:examples=20,length=5").metrics) == ["mse", "mae", "rmse", "r2"]


def test_weight_times_penalty_is_in_the_loss(waves: LoadedTask) -> None:
    plain = next(train(candidate(), waves, epochs=1, seed=0))
    none = next(train(candidate(weight=0.0), waves, epochs=1, seed=0))
    heavy = list(train(candidate(weight=10.0), waves, epochs=20, seed=0))
    assert none["train_loss"] == plain["train_loss"]
    assert heavy[0]["train_loss"] > plain["train_loss"] + 10
    # It was pushed down, at the cost of the task.
    assert heavy[-1]["ceiling"] < 0.8 * heavy[0]["ceiling"]
    assert heavy[-1]["rmse"] > heavy[0]["rmse"]


def test_first_epochs_learn_from_the_pretraining_data(waves: LoadedTask) -> None:
    @torch.no_grad()
    def distance(training: Training) -> tuple[float, float]:
        before = waves.pretraining
        assert before is not None
        predictions = waves.goal.predictions(training.model(waves.train.inputs))
        error = [float((predictions - aim).square().nanmean()) for aim in
                 (before.targets, waves.train.targets)]  # fmt: skip
        return error[0], error[1]

    training = Training(candidate(pretrain_epochs=50), waves, seed=0)
    for _ in range(50):
        training.epoch()
    process, truth = distance(training)
    assert process < truth / 2
    for _ in range(50):
        training.epoch()
    assert training.epochs == 100
    process, truth = distance(training)
    assert truth < process / 2


def test_pretraining_lasts_as_many_epochs_as_asked(waves: LoadedTask) -> None:
    losses = {
        asked: [m["train_loss"] for m in train(candidate(asked), waves, epochs=3, seed=0)]
        for asked in (0, 1, 2)
    }
    assert losses[0][0] != losses[1][0]
    assert losses[1][0] == losses[2][0]
    assert losses[1][1] != losses[2][1]
    before = LoadedTask(waves.task, waves.folder, data=_pretraining_alone(waves))
    always = [m["train_loss"] for m in train(candidate(), before, epochs=3, seed=0)]
    assert losses[2][:2] == always[:2]
    assert losses[2][2] != always[2]


def _pretraining_alone(task: LoadedTask) -> Data:
    assert task.pretraining is not None
    return Data(train=task.pretraining, validation=task.validation, goal=task.goal, readout="every")


def test_interruption_within_pretraining_changes_nothing(waves: LoadedTask) -> None:
    whole = list(train(candidate(2, weight=0.1), waves, epochs=4, seed=3))
    for cut in (1, 2, 3):
        first = Training(candidate(2, weight=0.1), waves, seed=3)
        for _ in range(cut):
            first.epoch()
        second = Training(candidate(2, weight=0.1), waves, seed=3)
        second.load_state_dict(first.state_dict())
        while second.epochs < 4:
            metrics = second.epoch()
        assert metrics["rmse"] == whole[-1]["rmse"]
        assert metrics["train_loss"] == whole[-1]["train_loss"]


def test_a_batch_without_observation_teaches_the_law_alone(waves: LoadedTask) -> None:
    outputs = torch.zeros(2, 10, 1, requires_grad=True)
    loss = waves.loss(outputs, torch.full((2, 10, 1), torch.nan))
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert (outputs.grad == 0).all()


def test_a_task_that_lacks_what_a_candidate_wants_is_refused() -> None:
    adding = load("adding:examples=20,length=5")
    with pytest.raises(ValueError, match="has no data to pre-train on; valid: pretrain_epochs = 0"):
        Training(candidate(pretrain_epochs=1), adding, seed=0)
    with pytest.raises(ValueError, match="by penalty 'ceiling': it has no driver ceiling"):
        Training(candidate(weight=1.0), adding, seed=0)


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ({"penalty": {"ceiling": {}}}, "has no driver ceiling"),
        ({"training": {"pretrain_epochs": {"low": 0, "high": 3}}}, "no data to pre-train on"),
    ],
)
def test_a_search_is_refused_before_it_starts(part: dict[str, Any], complaint: str) -> None:
    space = SearchSpace(cells=["gru"], rules=["gd"], **part)
    with pytest.raises(ValueError, match=complaint):
        resolve(space, "adding:examples=20,length=5", num_trials=1)


def test_scaled_regression_worked_out_by_hand() -> None:
    goal = ScaledRegression(values=2, offset=10.0, scale=5.0)
    outputs = torch.tensor([[0.0, 1.0], [1.0, 2.0]])  # 10, 15, 15, 20
    targets = torch.tensor([[13.0, torch.nan], [11.0, 20.0]])
    root = (9 + 16 + 0) ** 0.5 / 3**0.5
    assert float(goal.loss(outputs, targets)) == pytest.approx(root)
    scores = goal.finish(goal.tally(outputs, targets))
    # r2 of the first value alone: the second has a single target.
    expected = {"rmse": root, "mae": 7 / 3, "r2": 1 - (9 + 16) / 2, "loss": root}
    assert scores == pytest.approx(expected)
