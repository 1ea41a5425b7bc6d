"""What a candidate's training may ask for beside its optimizer: averages, best weights, losses."""

from __future__ import annotations

import copy
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optcell_search import tasks
from optcell_search.space import Candidate, SearchSpace, SpaceError
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import Training, check_training, evaluate, trainer
from optcell_search.training.augmentation import Augmentation
from optcell_search.training.averaging import Average
from optcell_search.training.budget import own_epochs
from optcell_search.training.losses import balanced, own_loss

TIMES = ("train_seconds", "latency_ms")


@pytest.fixture(scope="module")
def digits() -> LoadedTask:
    return tasks.load("digits").beginning(200, 100)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> LoadedTask:
    """A number for each sequence."""
    random = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("numbers") / "a.npz"
    np.savez(path, x=random.randn(40, 6, 2), y=random.randn(40))
    return tasks.load(str(path))


def candidate(model: dict[str, Any] | None = None, **training: Any) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 8, **(model or {})},
            "training": {"batch_size": 50, "lr": 0.02, **training},
        }
    )


def trained(chosen: Candidate, task: LoadedTask, epochs: int) -> tuple[Training, list[Any]]:
    training = Training(chosen, task, seed=0, epochs=epochs)
    return training, [training.epoch() for _ in range(epochs)]


def script(monkeypatch: pytest.MonkeyPatch, accuracies: list[float]) -> None:
    """Have the validation scores of the epochs be these, whatever the weights."""
    told = iter(accuracies)

    def scores(*_: object) -> dict[str, float]:
        accuracy = next(told)
        return {"accuracy": accuracy, "cross_entropy": 1.0, "loss": 1.0}

    monkeypatch.setattr(trainer, "evaluate", scores)


def weights_of(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_epochs_weights_are_kept_and_told(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.6, 0.5])
    training = Training(candidate(weights="best"), digits, seed=0)
    after = []
    told = []
    for _ in range(4):
        told.append(training.epoch()["accuracy"])
        after.append(weights_of(training.live))
    assert told == [0.2, 0.6, 0.6, 0.6]
    # The second and the third are equal: the earlier one stays.
    assert same(weights_of(training.model), after[1])
    assert not same(after[1], after[3])


@pytest.mark.parametrize("weights", ["last", "best"])
def test_the_best_epoch_is_told_and_survives_an_interruption(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.6, 0.5, 0.4, 0.4])
    training = Training(candidate(weights=weights), digits, seed=0)
    assert [training.epoch()["best_epoch"] for _ in range(4)] == [1, 2, 2, 2]
    again = Training(candidate(weights=weights), digits, seed=0)
    state = training.state_dict()
    again.load_state_dict(state)
    assert again.epoch()["best_epoch"] == 2
    # As it was saved before the epoch was noted.
    del state["record"]["epoch"]
    again.load_state_dict(state)
    assert again.epoch()["best_epoch"] == 2


def test_the_last_weights_are_kept_where_nothing_is_said(digits: LoadedTask) -> None:
    training, told = trained(candidate(), digits, 2)
    assert training.model is training.live
    assert evaluate(training.model, digits.validation, digits)["loss"] == told[-1]["loss"]


def test_what_is_told_of_the_best_is_what_its_weights_give(digits: LoadedTask) -> None:
    training, told = trained(candidate(weights="best", averaging=0.5), digits, 3)
    found = evaluate(training.model, digits.validation, digits)
    assert {name: told[-1][name] for name in found} == found
    accuracies = [metrics["accuracy"] for metrics in told]
    assert accuracies == sorted(accuracies)


def test_patience_ends_a_training_that_gets_no_better(
    digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.5, 0.4])
    training = Training(candidate(patience=2), digits, seed=0)
    told = [training.epoch() for _ in range(4)]
    before = weights_of(training.model)
    assert training.exhausted
    assert training.epoch() == {**told[-1], "epoch": 5}
    assert same(weights_of(training.model), before)
    again = Training(candidate(patience=2), digits, seed=0)
    again.load_state_dict(training.state_dict())
    assert again.exhausted
    assert again.epoch() == {**told[-1], "epoch": 6}


def test_a_share_of_the_epochs_is_a_whole_training(digits: LoadedTask) -> None:
    recipe = {"schedule": "one_cycle", "averaging": 0.9}
    whole, told = trained(candidate(**recipe), digits, 3)
    part, shared = trained(candidate(**recipe, share=0.3), digits, 8)
    # 0.3 · 8 is 2.4; the third epoch is the end of the cycle.
    names = told[-1].keys() - set(TIMES)
    assert [[one[name] for name in names] for one in shared[:3]] == [
        [one[name] for name in names] for one in told
    ]
    assert part.exhausted
    assert shared[-1] == {**shared[2], "epoch": 8}
    assert same(weights_of(part.model), weights_of(whole.model))
    with pytest.raises(ValueError, match=r"training\.share = 0\.3 needs to know how many epochs"):
        Training(candidate(share=0.3), digits, seed=0)


@pytest.mark.parametrize(
    ("epochs", "share", "own"),
    [(30, 0.1, 3), (31, 0.1, 4), (80, 1 / 8, 10), (3, 0.1, 1), (7, 1, 7)],
)
def test_a_share_of_epochs_is_rounded_up(epochs: int, share: float, own: int) -> None:
    assert own_epochs(epochs, share) == own


def test_averages_move_towards_the_weights(digits: LoadedTask) -> None:
    torch.manual_seed(0)
    model = candidate(model={"front": "serial"}).build(digits)
    average = Average(model, 0.5)
    expected = {name: p.detach().clone() for name, p in model.named_parameters()}
    for step in range(1, 6):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
            model.front.layers[0].norm.running_mean.add_(1)
        average.update(model, step)
        # So early it forgets faster than 0.5.
        decay = min(0.5, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * parameter.detach()
    for name, parameter in average.model.named_parameters():
        torch.testing.assert_close(parameter, expected[name], msg=name)
    for one, other in zip(average.model.buffers(), model.buffers(), strict=True):
        assert torch.equal(one, other)


def test_the_average_is_judged_and_the_weights_are_trained(digits: LoadedTask) -> None:
    plain, _ = trained(candidate(), digits, 2)
    training, told = trained(candidate(averaging=0.9), digits, 2)
    assert same(weights_of(training.live), weights_of(plain.model))
    assert not same(weights_of(training.model), weights_of(plain.model))
    assert evaluate(training.model, digits.validation, digits)["loss"] == told[-1]["loss"]


def test_an_averaged_orthogonal_matrix_is_orthogonal(digits: LoadedTask) -> None:
    data = candidate(averaging=0.9).to_dict()
    data["cell"] = {"name": "orthogonal", "rebase": 1}
    training, _ = trained(Candidate.from_dict(data), digits, 2)
    cell = training.model.cell
    B = cell.cell.prepare(cell._weights(0))["weight_hh"]
    torch.testing.assert_close(B @ B.T, torch.eye(len(B)), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "one_cycle", "averaging": 0.9, "weights": "best", "patience": 3},
        {"jitter": 0.1, "scaling": 0.1, "slicing": 0.2, "label_smoothing": 0.1},
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_bits(
    digits: LoadedTask, settings: dict[str, Any]
) -> None:
    chosen = candidate({"front": "parallel", "readout": "attention"}, **settings)
    straight, told = trained(chosen, digits, 3)
    first = Training(chosen, digits, seed=0, epochs=3)
    first.epoch()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = Training(chosen, digits, seed=0, epochs=3)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.epoch()
    found = second.epoch()
    assert {k: v for k, v in found.items() if k not in TIMES} == {
        k: v for k, v in told[-1].items() if k not in TIMES
    }
    assert same(weights_of(second.model), weights_of(straight.model))


def test_a_checkpoint_of_the_first_release_goes_on(digits: LoadedTask) -> None:
    straight, _ = trained(candidate(), digits, 2)
    first = Training(candidate(), digits, seed=0)
    first.epoch()
    names = ("key", "seed", "epochs", "train_seconds", "latency_ms", "model", "optimizer")
    old = {name: value for name, value in first.state_dict().items() if name in names}
    second = Training(candidate(), digits, seed=0)
    second.load_state_dict(old)
    second.epoch()
    assert same(weights_of(second.model), weights_of(straight.model))


def test_smoothing_and_class_weights_are_in_the_loss(digits: LoadedTask) -> None:
    outputs = torch.randn(6, 10, dtype=torch.float64)
    targets = torch.tensor([0, 3, 3, -100, 9, 1])
    chosen = candidate(label_smoothing=0.1, class_weights="balanced").training
    loss = own_loss(chosen, digits)
    assert loss is not None
    share = torch.bincount(digits.train.targets, minlength=10).double()
    w = len(digits.train) / (10 * share)
    total, weight = 0.0, 0.0
    for logits, target in zip(outputs, targets.tolist(), strict=True):
        if target == -100:
            continue
        log_p = logits.log_softmax(0)
        # Each class's share of the smoothed target has the weight of that class.
        total -= float(0.9 * w[target] * log_p[target] + 0.1 / 10 * (w * log_p).sum())
        weight += float(w[target])
    assert float(loss(outputs, targets)) == pytest.approx(total / weight)
    assert own_loss(candidate().training, digits) is None


def test_a_class_without_targets_has_a_finite_weight() -> None:
    split = Split(torch.zeros(3, 1, 1), torch.tensor([0, 0, -100]))
    assert balanced(split, 2).tolist() == [0.5, 1.0]


def test_the_loss_is_the_one_that_is_trained_with(digits: LoadedTask) -> None:
    plain, smoothed = (
        trained(candidate(label_smoothing=a), digits, 1)[1][0]["train_loss"] for a in (0.0, 0.5)
    )
    assert plain != smoothed


def split_of(lengths: Tensor | None = None) -> Split:
    time = torch.arange(20.0)
    inputs = torch.stack([time, 5 * time, torch.full((20,), 3.0)], 1).expand(400, -1, -1)
    return Split(inputs.clone(), torch.zeros(400, dtype=torch.int64), lengths)


def test_jitter_and_scaling_have_the_spreads_they_say() -> None:
    split = split_of()
    torch.manual_seed(0)
    noise = Augmentation(candidate(jitter=0.1).training, split)(split).inputs - split.inputs
    spread = split.inputs[0].std(0, correction=0)
    torch.testing.assert_close(noise.std((0, 1)), 0.1 * spread, rtol=0.05, atol=0)
    assert noise[..., 2].abs().max() == 0
    factors = Augmentation(candidate(scaling=0.2).training, split)(split).inputs / split.inputs
    factors = factors[:, 1:]
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert float(factors[:, 0].std()) == pytest.approx(0.2, rel=0.1)
    assert not torch.equal(factors[..., 0], factors[..., 1])


def test_numbers_of_categories_stay_numbers_of_categories() -> None:
    split = split_of()
    torch.manual_seed(0)
    settings = candidate(jitter=0.1, scaling=0.2, slicing=0.3).training
    changed = Augmentation(settings, split, [1])(split).inputs
    assert {*changed[..., 1].unique().tolist()} <= {5.0 * number for number in range(20)}
    # Each is that of the step that the window takes it from, and those never go back.
    assert (changed[:, 1:, 1] >= changed[:, :-1, 1]).all()
    assert not torch.equal(changed[..., 1], split.inputs[..., 1])
    noisy = Augmentation(candidate(jitter=0.1).training, split, [1])(split).inputs
    assert torch.equal(noisy[..., 1], split.inputs[..., 1])
    assert not torch.equal(noisy[..., 0], split.inputs[..., 0])


def test_a_window_is_stretched_to_the_whole_sequence() -> None:
    lengths = torch.full((400,), 20)
    lengths[::2] = 11
    for given in (None, lengths):
        split = split_of(given)
        torch.manual_seed(0)
        sliced = Augmentation(candidate(slicing=0.3).training, split)(split).inputs
        last = (19.0 if given is None else lengths.unsqueeze(1) - 1.0) * torch.ones(400, 1)
        time = sliced[..., 0]
        torch.testing.assert_close(sliced[..., 1], 5 * time)
        step = time[:, 1:11] - time[:, :10]
        # Evenly spaced, at seven tenths to all of the pace, from within to within.
        torch.testing.assert_close(step, step[:, :1].expand_as(step), atol=1e-5, rtol=0)
        assert 0.7 <= float(step.min()) < 0.72
        assert 0.98 < float(step.max()) <= 1 + 1e-5
        assert float(time.min()) >= 0
        assert bool((time <= last).all())


def test_what_is_added_to_the_inputs_is_added_in_training_alone(digits: LoadedTask) -> None:
    before = copy.deepcopy((digits.train, digits.validation))
    plain, _ = trained(candidate(), digits, 1)
    noisy, told = trained(candidate(jitter=0.5), digits, 1)
    assert not same(weights_of(plain.model), weights_of(noisy.model))
    assert evaluate(noisy.model, digits.validation, digits)["loss"] == told[0]["loss"]
    for split, kept in zip((digits.train, digits.validation), before, strict=True):
        assert torch.equal(split.inputs, kept.inputs)


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


def test_windows_are_refused_where_every_step_has_a_target() -> None:
    adding = tasks.load("copying")
    with pytest.raises(ValueError, match=r"slicing = 0\.1 moves steps away from their targets"):
        Training(candidate(slicing=0.1), adding, seed=0)
    searched = {"slicing": {"choices": [0.0, 0.1]}}
    space = SearchSpace(cells=["gru"], rules=["gd"], training=searched)
    with pytest.raises(SpaceError, match=r"training\.slicing: it moves steps away"):
        check_training(space, adding)


def test_a_whole_recipe_learns(digits: LoadedTask) -> None:
    chosen = candidate(
        {"front": "serial", "front_kernel": 3, "bidirectional": True, "readout": "mean_max"},
        schedule="one_cycle", optimizer="adamw", averaging=0.9, weights="best",
    )  # fmt: skip
    _, told = trained(chosen, digits, 25)
    assert told[-1]["accuracy"] > 0.75
    assert math.isfinite(told[-1]["train_loss"])
    assert "gradient_first" not in told[-1]
