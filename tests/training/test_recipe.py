"""What a candidate's training may ask for: averages, best weights, patience."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes import candidate, same, trained, weights_of
from torch import Tensor

from optcell_search.cells import SequenceModel
from optcell_search.cells.building import AnyModel
from optcell_search.cells.conv.net import ConvNet
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training, evaluate, trainer
from optcell_search.training.budget import budget_of, own_epochs
from optcell_search.training.recipe import optimizers
from optcell_search.training.recipe.averaging import Average
from optcell_search.training.recipe.groups import parameter_groups

TIMES = ("train_seconds", "latency_ms")


def script(monkeypatch: pytest.MonkeyPatch, accuracies: list[float]) -> None:
    """Have the validation scores of the epochs be these, whatever the weights."""
    told = iter(accuracies)

    def scores(*_: object) -> dict[str, float]:
        accuracy = next(told)
        return {"accuracy": accuracy, "cross_entropy": 1.0, "loss": 1.0}

    monkeypatch.setattr(trainer, "evaluate", scores)


def test_the_best_epochs_weights_are_kept_and_told(
    few_digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.6, 0.5])
    training = Training(candidate(weights="best"), few_digits, seed=0)
    after = []
    told = []
    for _ in range(4):
        told.append(training.epoch()["accuracy"])
        after.append(weights_of(training.live))
    assert told == [0.2, 0.6, 0.6, 0.6]
    # The second and the third are equal: the earlier one stays.
    assert same(weights_of(training.model), after[1])
    assert not same(after[1], after[3])


@pytest.mark.parametrize(
    "model",
    [
        SequenceModel(3, 2, 4, rule="heavy_ball", learn_rule=True),
        ConvNet((1, 6, 6), 2, channels=2, depth=2, rule="heavy_ball", learn_rule=True),
    ],
    ids=["sequence", "convolutional"],
)
def test_weight_decay_does_not_pull_at_what_a_rule_learns(model: AnyModel) -> None:
    _, still = parameter_groups(model, 0.1)
    named = {weight: name for name, weight in model.named_parameters()}
    assert still["weight_decay"] == 0
    learned = {named[weight] for weight in still["params"]}
    assert learned == {name for name in named.values() if "rule_values." in name}
    assert {name.rpartition(".")[2] for name in learned} == {"mu", "s"}


@pytest.mark.parametrize("cell", ["orthogonal", "lru", "lstm"])
def test_a_training_whose_weights_were_grouped_by_rate_alone_goes_on(
    few_digits: LoadedTask, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    def by_rate(model: SequenceModel, lr: float) -> list[dict[str, Any]]:
        rates = {f"cell.{name}": rate for name, rate in model.cell.learning_rates().items()}
        groups: dict[float, list[Tensor]] = {1.0: []}
        for name, weight in model.named_parameters():
            groups.setdefault(rates.get(name, 1.0), []).append(weight)
        return [{"params": group, "lr": lr * rate} for rate, group in groups.items()]

    sections = candidate().to_dict()
    sections["cell"], sections["rule"] = {"name": cell}, {"name": "heavy_ball"}
    sections["model"] |= {"learn_rule": True}
    chosen = Candidate.from_dict(sections)
    with monkeypatch.context() as before:
        before.setattr(optimizers, "parameter_groups", by_rate)
        old = Training(chosen, few_digits, seed=0)
    old.epoch()
    now = Training(chosen, few_digits, seed=0)
    now.load_state_dict(old.state_dict())
    old.epoch()
    now.epoch()
    assert same(weights_of(now.live), weights_of(old.live))


@pytest.mark.parametrize("weights", ["last", "best"])
def test_the_best_epoch_is_told_and_survives_an_interruption(
    few_digits: LoadedTask, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.6, 0.5, 0.4, 0.4])
    training = Training(candidate(weights=weights), few_digits, seed=0)
    assert [training.epoch()["best_epoch"] for _ in range(4)] == [1, 2, 2, 2]
    again = Training(candidate(weights=weights), few_digits, seed=0)
    state = training.state_dict()
    again.load_state_dict(state)
    assert again.epoch()["best_epoch"] == 2
    # As it was saved before the epoch was noted.
    del state["record"]["epoch"]
    again.load_state_dict(state)
    assert again.epoch()["best_epoch"] == 2


def test_the_last_weights_are_kept_where_nothing_is_said(few_digits: LoadedTask) -> None:
    training, told = trained(candidate(), few_digits, 2)
    assert training.model is training.live
    assert evaluate(training.model, few_digits.validation, few_digits)["loss"] == told[-1]["loss"]


def test_what_is_told_of_the_best_is_what_its_weights_give(few_digits: LoadedTask) -> None:
    training, told = trained(candidate(weights="best", averaging=0.5), few_digits, 3)
    found = evaluate(training.model, few_digits.validation, few_digits)
    assert {name: told[-1][name] for name in found} == found
    accuracies = [metrics["accuracy"] for metrics in told]
    assert accuracies == sorted(accuracies)


def test_patience_ends_a_training_that_gets_no_better(
    few_digits: LoadedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [0.2, 0.6, 0.5, 0.4])
    training = Training(candidate(patience=2), few_digits, seed=0)
    told = [training.epoch() for _ in range(4)]
    before = weights_of(training.model)
    assert training.exhausted
    assert training.epoch() == {**told[-1], "epoch": 5}
    assert same(weights_of(training.model), before)
    again = Training(candidate(patience=2), few_digits, seed=0)
    again.load_state_dict(training.state_dict())
    assert again.exhausted
    assert again.epoch() == {**told[-1], "epoch": 6}


def test_a_share_of_the_epochs_is_a_whole_training(few_digits: LoadedTask) -> None:
    recipe = {"schedule": "one_cycle", "averaging": 0.9}
    whole, told = trained(candidate(**recipe), few_digits, 3)
    part, shared = trained(candidate(**recipe, share=0.3), few_digits, 8)
    # 0.3 · 8 is 2.4; the third epoch is the end of the cycle.
    names = told[-1].keys() - set(TIMES)
    assert [[one[name] for name in names] for one in shared[:3]] == [
        [one[name] for name in names] for one in told
    ]
    assert part.exhausted
    assert shared[-1] == {**shared[2], "epoch": 8}
    assert same(weights_of(part.model), weights_of(whole.model))
    with pytest.raises(ValueError, match=r"training\.share = 0\.3 needs to know how many epochs"):
        Training(candidate(share=0.3), few_digits, seed=0)


@pytest.mark.parametrize(
    ("epochs", "share", "own"),
    [(30, 0.1, 3), (31, 0.1, 4), (80, 1 / 8, 10), (3, 0.1, 1), (7, 1, 7)],
)
def test_a_share_of_epochs_is_rounded_up(epochs: int, share: float, own: int) -> None:
    assert own_epochs(epochs, share) == own


@given(st.integers(1, 10_000), st.one_of(st.floats(1e-3, 1.0), st.sampled_from([0.1, 0.3, 0.6])))
def test_of_every_number_of_epochs_there_is_a_budget(own: int, share: float) -> None:
    assert own_epochs(budget_of(own, share), share) == own


def test_averages_move_towards_the_weights(few_digits: LoadedTask) -> None:
    torch.manual_seed(0)
    model = candidate(model={"front": "serial"}).build(few_digits)
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


def test_the_average_is_judged_and_the_weights_are_trained(few_digits: LoadedTask) -> None:
    plain, _ = trained(candidate(), few_digits, 2)
    training, told = trained(candidate(averaging=0.9), few_digits, 2)
    assert same(weights_of(training.live), weights_of(plain.model))
    assert not same(weights_of(training.model), weights_of(plain.model))
    assert evaluate(training.model, few_digits.validation, few_digits)["loss"] == told[-1]["loss"]


def orthogonal(rebase: int, **training: Any) -> Candidate:
    data = candidate(optimizer="adam", **training).to_dict()
    return Candidate.from_dict(data | {"cell": {"name": "orthogonal", "rebase": rebase}})


def matrices(model: SequenceModel) -> Tensor:
    cell = model.cell
    return cell.cell.prepare(cell._weights(0))["weight_hh"].detach()


@pytest.mark.parametrize("rebase", [0, 1, 7])
def test_an_averaged_orthogonal_matrix_is_the_mean_of_those_it_averages(
    few_digits: LoadedTask, monkeypatch: pytest.MonkeyPatch, rebase: int
) -> None:
    training = Training(orthogonal(rebase, averaging=0.9, lr=0.01), few_digits, seed=0)
    mean, moved = matrices(training.live), []

    def averaged() -> None:
        nonlocal mean
        Training.finish(training)
        decay = min(0.9, (1 + training.steps) / (10 + training.steps))
        mean = decay * mean + (1 - decay) * matrices(training.live)
        B = matrices(training.model)
        torch.testing.assert_close(B @ B.T, torch.eye(len(B)), atol=1e-5, rtol=0)
        moved.append((float((B - mean).norm()), float((matrices(training.live) - mean).norm())))

    monkeypatch.setattr(training, "finish", averaged)
    for _ in range(5):
        training.epoch()
    # The mean of rotations is none: of the second order in how far they are apart.
    assert len(moved) > 2 * rebase
    assert all(off < 0.1 * apart for off, apart in moved)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "one_cycle", "averaging": 0.9, "weights": "best", "patience": 3},
        {"jitter": 0.1, "scaling": 0.1, "slicing": 0.2, "label_smoothing": 0.1},
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_bits(
    few_digits: LoadedTask, settings: dict[str, Any]
) -> None:
    chosen = candidate({"front": "parallel", "readout": "attention"}, **settings)
    check_interrupted(chosen, few_digits)


def test_an_average_in_another_base_goes_on_to_the_same_bits(few_digits: LoadedTask) -> None:
    check_interrupted(orthogonal(3, averaging=0.9, weights="best"), few_digits)


def check_interrupted(chosen: Candidate, few_digits: LoadedTask) -> None:
    straight, told = trained(chosen, few_digits, 3)
    first = Training(chosen, few_digits, seed=0, epochs=3)
    first.epoch()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = Training(chosen, few_digits, seed=0, epochs=3)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.epoch()
    found = second.epoch()
    assert {k: v for k, v in found.items() if k not in TIMES} == {
        k: v for k, v in told[-1].items() if k not in TIMES
    }
    assert same(weights_of(second.model), weights_of(straight.model))


def test_a_checkpoint_of_the_first_release_goes_on(few_digits: LoadedTask) -> None:
    straight, _ = trained(candidate(), few_digits, 2)
    first = Training(candidate(), few_digits, seed=0)
    first.epoch()
    names = ("key", "seed", "epochs", "train_seconds", "latency_ms", "model", "optimizer")
    old = {name: value for name, value in first.state_dict().items() if name in names}
    second = Training(candidate(), few_digits, seed=0)
    second.load_state_dict(old)
    second.epoch()
    assert same(weights_of(second.model), weights_of(straight.model))


def test_a_whole_recipe_learns(few_digits: LoadedTask) -> None:
    chosen = candidate(
        {"front": "serial", "front_kernel": 3, "bidirectional": True, "readout": "mean_max"},
        schedule="one_cycle", optimizer="adamw", averaging=0.9, weights="best",
    )  # fmt: skip
    _, told = trained(chosen, few_digits, 25)
    assert told[-1]["accuracy"] > 0.75
    assert math.isfinite(told[-1]["train_loss"])
    assert "gradient_first" not in told[-1]
