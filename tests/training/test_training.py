"""Training gives the same numbers every time, learns, and says when it cannot."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_trainings import BATCHES, candidate

from optcell_search import tasks
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training import (
    Training,
    evaluate,
    objectives,
    predict,
    train,
)

TIMES = ("train_seconds", "latency_ms")


def without_times(metrics: dict[str, float]) -> dict[str, float]:
    return {key: value for key, value in metrics.items() if key not in TIMES}


@pytest.fixture(scope="module")
def digits() -> LoadedTask:
    return tasks.load("digits")


@pytest.fixture
def unequal(tmp_path: Path) -> LoadedTask:
    """Sequences of 1 to 6 steps whose last step tells their class."""
    random = np.random.RandomState(0)
    x, lengths = random.randn(200, 6, 2), random.randint(1, 7, 200)
    y = (x[np.arange(200), lengths - 1, 0] > 0).astype(int)
    np.savez(tmp_path / "a.npz", x=x, y=y, lengths=lengths)
    return tasks.load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("layers", [1, 2])
def test_interrupted_training_goes_on_to_the_same_bits(
    digits: LoadedTask, optimizer: str, layers: int
) -> None:
    chosen = candidate(
        model={"num_layers": layers, "dropout": 0.3}, training={"optimizer": optimizer}
    )
    straight = Training(chosen, digits, seed=3)
    straight.epoch()
    expected = straight.epoch()

    first = Training(chosen, digits, seed=3)
    first.epoch()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    second = Training(chosen, digits, seed=3)
    second.load_state_dict(torch.load(file, weights_only=True))
    found = second.epoch()

    assert without_times(found) == without_times(expected)
    assert found["latency_ms"] == first.state_dict()["latency_ms"]
    assert found["train_seconds"] > first.state_dict()["train_seconds"]
    for name, weight in straight.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name


def test_training_does_not_depend_on_what_ran_before(digits: LoadedTask) -> None:
    chosen = candidate(model={"num_layers": 2, "dropout": 0.3})
    expected = list(map(without_times, train(chosen, digits, epochs=2, seed=7)))
    torch.manual_seed(1)
    np.random.seed(1)
    list(train(candidate("gru", "adam"), digits, epochs=1, seed=1))
    assert list(map(without_times, train(chosen, digits, epochs=2, seed=7))) == expected
    assert list(map(without_times, train(chosen, digits, epochs=2, seed=8))) != expected


def test_an_orthogonal_matrix_is_rebased_and_trains_at_its_own_rate(digits: LoadedTask) -> None:
    def moved(rate: float) -> float:
        data = candidate("orthogonal").to_dict()
        data["cell"] |= {"rebase": 1, "rate": rate}
        training = Training(Candidate.from_dict(data), digits, seed=0)
        cell = training.model.cell
        start = cell.base_l0.clone()
        training.epoch()
        assert int(cell.optimizer_steps_l0) == 0, "counted from the last base"
        assert not cell.skew_l0.any()
        return float((cell.base_l0 - start).abs().max())

    assert moved(0.0) < 1e-5
    assert 1e-3 < 3 * moved(0.03) < moved(0.3)


def test_training_leaves_the_global_streams_alone(digits: LoadedTask) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(train(candidate(model={"num_layers": 2, "dropout": 0.3}), digits, epochs=1, seed=0))
    assert torch.equal(torch.rand(3), expected)


def test_epochs_see_the_examples_in_new_orders(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[torch.Tensor] = []
    original = tasks.Split.take

    def take(split: tasks.Split, index: torch.Tensor) -> tasks.Split:
        if len(split) == 1151:
            orders.append(index)
        return original(split, index)

    monkeypatch.setattr(tasks.Split, "take", take)
    for _ in train(candidate(), digits, epochs=2, seed=0):
        pass
    first, second = torch.cat(orders[:BATCHES]), torch.cat(orders[BATCHES:])
    assert torch.equal(first.sort().values, torch.arange(1151))
    assert torch.equal(second.sort().values, torch.arange(1151))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("rule", ["gd", "adam"])
def test_digits_are_learned(digits: LoadedTask, rule: str) -> None:
    chosen = candidate("gru", rule, model={"hidden_size": 24}, training={"batch_size": 32})
    *_, last = train(chosen, digits, epochs=8, seed=0)
    assert last["accuracy"] > 0.85
    assert last["epoch"] == 8


def test_unequal_lengths_are_learned_by_their_own_last_steps(unequal: LoadedTask) -> None:
    *_, last = train(candidate(rule="gd", training={"batch_size": 16}), unequal, epochs=15, seed=0)
    assert last["accuracy"] > 0.9


def test_padding_changes_nothing(unequal: LoadedTask) -> None:
    training = Training(candidate(rule="adam"), unequal, seed=0)
    batch = unequal.train.take(torch.arange(20))
    assert batch.lengths is not None
    expected = [training.model(batch.inputs[i : i + 1, : batch.lengths[i]])[0] for i in range(20)]
    outputs, _ = predict(training.model, batch)
    assert torch.allclose(outputs, torch.stack(expected), atol=1e-6)


def test_targets_at_every_step_with_unequal_lengths(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    x, lengths = random.randn(100, 6, 1), random.randint(1, 5, 100)
    np.savez(tmp_path / "a.npz", x=x, y=x.cumsum(1), lengths=lengths)
    task = tasks.load(str(tmp_path / "a.npz"))
    metrics = list(
        train(candidate("gru", "gd", training={"batch_size": 8}), task, epochs=8, seed=0)
    )
    assert metrics[-1]["mse"] < 0.5 * metrics[0]["mse"]
    assert math.isfinite(metrics[-1]["gradient_first"])


def test_evaluation_in_batches_equals_the_whole(digits: LoadedTask) -> None:
    training = Training(candidate(model={"num_layers": 2, "dropout": 0.5}), digits, seed=0)
    model = training.model.train()
    scores = evaluate(model, digits.train, digits)
    assert model.training
    model.eval()
    with torch.no_grad():
        outputs = model(digits.train.inputs)
    expected = digits.score(outputs, digits.train.targets, {})
    assert scores["accuracy"] == expected["accuracy"]
    assert scores["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_clipping_bounds_the_step_and_zero_does_not_clip(digits: LoadedTask) -> None:
    def change(clip: float) -> float:
        training = Training(candidate(training={"clip": clip, "optimizer": "adam"}), digits, seed=0)
        norms = []
        original = training.optimizer.step

        def step() -> None:
            grads = [p.grad.norm() for p in training.model.parameters() if p.grad is not None]
            norms.append(float(torch.stack(grads).norm()))
            original()

        training.optimizer.step = step  # type: ignore[method-assign]
        training.epoch()
        return max(norms)

    assert change(1e-3) == pytest.approx(1e-3, rel=1e-2)
    assert change(0.0) > 0.05
    assert change(0.0) == change(1e6)


@pytest.mark.parametrize(("kind", "lr"), [("rmsprop", 0.01), ("adam", 0.02), ("adamw", 0.03)])
def test_optimizer_takes_the_candidates_values(digits: LoadedTask, kind: str, lr: float) -> None:
    chosen = candidate(training={"optimizer": kind, "lr": lr, "weight_decay": 0.125})
    optimizer = Training(chosen, digits, seed=0).optimizer
    assert type(optimizer).__name__.lower() == kind
    assert optimizer.defaults["lr"] == lr
    assert optimizer.defaults["weight_decay"] == 0.125
    assert optimizer.defaults.get("alpha", 0.9) == 0.9


def test_saved_training_of_another_candidate_or_seed_is_refused(digits: LoadedTask) -> None:
    state = Training(candidate(), digits, seed=0).state_dict()
    with pytest.raises(ValueError, match="seed 0, this one 1"):
        Training(candidate(), digits, seed=1).load_state_dict(state)
    with pytest.raises(ValueError, match="saved training has key"):
        Training(candidate("gru"), digits, seed=0).load_state_dict(state)


def test_metrics_are_complete(digits: LoadedTask) -> None:
    (metrics,) = train(candidate(), digits, epochs=1, seed=0)
    assert set(metrics) == {
        "epoch", "best_epoch", "accuracy", "cross_entropy", "balanced_accuracy", "macro_f1",
        "roc_auc", "brier",
        "loss", "train_loss", "parameters",
        "train_seconds", "latency_ms", "gradient_first", "gradient_last",
    }  # fmt: skip
    # Weights of 4 gates by 8 inputs, 12 hidden and 2 biases, and the read-out.
    assert metrics["parameters"] == 4 * 12 * (8 + 12 + 2) + 10 * (12 + 1)
    assert set(objectives(digits)) <= set(metrics)
    assert objectives(digits) == {
        "accuracy": "maximize", "cross_entropy": "minimize", "balanced_accuracy": "maximize",
        "macro_f1": "maximize", "roc_auc": "maximize", "brier": "minimize",
        "parameters": "minimize",
        "train_seconds": "minimize", "latency_ms": "minimize",
    }  # fmt: skip
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_epochs_below_one_are_refused_at_once(digits: LoadedTask) -> None:
    with pytest.raises(ValueError, match="epochs = 0"):
        train(candidate(), digits, epochs=0, seed=0)


def test_train_seconds_leave_evaluation_out(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0

    def perf_counter() -> float:
        return clock

    def slow(*args: Any) -> dict[str, float]:
        nonlocal clock
        clock += 1000
        return {"accuracy": 0.0, "loss": 0.0}

    monkeypatch.setattr("time.perf_counter", perf_counter)
    monkeypatch.setattr("optcell_search.training.trainer.evaluate", slow)
    *_, last = train(candidate(), digits, epochs=2, seed=0)
    assert last["train_seconds"] == 0
