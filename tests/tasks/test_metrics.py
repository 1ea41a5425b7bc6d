"""Metrics are those of scikit-learn, over whole splits; weights, chance and what finalize keeps."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.utils.class_weight import compute_class_weight

from optcell_search import tasks
from optcell_search.cells import SequenceModel
from optcell_search.tasks import IGNORED, Classification, Forecasting, Labels, Regression
from optcell_search.training import evaluate


def drawn(seed: int, count: int, classes: int, few: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits with ties, and targets of which some classes may be absent."""
    random = np.random.RandomState(seed)
    outputs = torch.tensor(random.randint(-2, 3, (count, classes)), dtype=torch.float32)
    return outputs, torch.tensor(random.randint(0, few, count))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 5), st.data())
def test_classes_are_judged_as_scikit_learn_does(
    seed: int, count: int, classes: int, data: st.DataObject
) -> None:
    few = data.draw(st.integers(1, classes))
    outputs, targets = drawn(seed, count, classes, few)
    goal = Classification(classes=classes)
    scores = goal.finish(goal.tally(outputs, targets))
    assert list(scores) == [*goal.metrics, "loss"]
    answers, truth = outputs.argmax(1).numpy(), targets.numpy()
    # As the goal has them: which shares are equal, and so a rank, depends on the last digit.
    shares = outputs.double().log_softmax(1).exp().numpy()
    assert scores["accuracy"] == pytest.approx(reference.accuracy_score(truth, answers))
    recalls = reference.recall_score(
        truth, answers, average="macro", labels=np.unique(truth), zero_division=0
    )
    assert scores["balanced_accuracy"] == pytest.approx(recalls)
    assert scores["macro_f1"] == pytest.approx(
        reference.f1_score(truth, answers, average="macro", zero_division=0)
    )
    hot = np.eye(classes)[truth]
    squares = np.square(shares - hot).sum(1).mean()
    assert scores["brier"] == pytest.approx(squares / (2 if classes == 2 else 1))
    if classes == 2:
        brier = reference.brier_score_loss(truth, shares[:, 1], pos_label=1)
        assert scores["brier"] == pytest.approx(brier)
    there = [c for c in range(classes) if 0 < hot[:, c].sum() < count]
    if not there:
        assert math.isnan(scores["roc_auc"])
    else:
        area = np.mean([reference.roc_auc_score(hot[:, c], shares[:, c]) for c in there])
        assert scores["roc_auc"] == pytest.approx(area)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 3), st.floats(-1e6, 1e6))
def test_numbers_are_judged_as_scikit_learn_does(
    seed: int, count: int, values: int, offset: float
) -> None:
    random = np.random.RandomState(seed)
    outputs = torch.tensor(random.randn(count, values))
    targets = torch.tensor(offset + 3 * random.randn(count, values))
    goal = Regression(values=values, offset=(offset,) * values, scale=(3.0,) * values)
    scores = goal.finish(goal.tally(outputs, targets))
    predicted, truth = (offset + 3 * outputs).numpy(), targets.numpy()
    assert scores["mse"] == pytest.approx(reference.mean_squared_error(truth, predicted))
    assert scores["mae"] == pytest.approx(reference.mean_absolute_error(truth, predicted))
    assert scores["rmse"] == pytest.approx(math.sqrt(scores["mse"]))
    assert scores["r2"] == pytest.approx(reference.r2_score(truth, predicted), rel=1e-5)
    assert scores["loss"] == pytest.approx(scores["mse"] / 9)
    # The mean of the targets explains nothing.
    constant = goal.tally(goal.constant(targets).expand(count, -1), targets)
    assert goal.finish(constant)["r2"] == pytest.approx(0, abs=1e-6)


def test_quantiles_are_judged_by_the_quantile_loss() -> None:
    levels = (0.1, 0.5, 0.9)
    goal = Forecasting(values=2, offset=(10.0,), scale=(4.0,), naive_error=(2.0,), quantiles=levels)
    outputs, targets = torch.randn(7, 6), (10 + 4 * torch.randn(7, 2)).double()
    scores = goal.finish(goal.tally(outputs, targets))
    assert set(scores) == {*goal.metrics, "loss"}
    forecast = goal.predictions(outputs.double()).reshape(7, 2, 3).numpy()
    losses = [
        reference.mean_pinball_loss(targets.numpy(), forecast[..., i], alpha=level)
        for i, level in enumerate(levels)
    ]
    assert scores["quantile_loss"] == pytest.approx(np.mean(losses))
    assert float(goal.loss(outputs, targets)) == pytest.approx(np.mean(losses) / 4, rel=1e-5)
    median = reference.mean_absolute_error(targets.numpy(), forecast[..., 1])
    assert scores["mae"] == pytest.approx(median)
    assert scores["mase"] == pytest.approx(median / 2)


@pytest.mark.parametrize(
    ("levels", "shares"),
    [
        ((0.1, 0.9), (0.5, 0.5)),
        ((0.1, 0.4, 0.6, 0.9), (0, 0.5, 0.5, 0)),
        ((0.2, 0.6), (0.25, 0.75)),
        ((0.1, 0.5, 0.6), (0, 1, 0)),
        ((0.1, 0.3), (0, 1)),
        ((0.7, 0.9), (1, 0)),
        ((0.8,), (1,)),
    ],
)
def test_of_quantiles_the_median_is_what_is_judged(
    levels: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    goal = Forecasting(values=2, offset=(3.0,), scale=(2.0,), naive_error=(2.0,), quantiles=levels)
    outputs, targets = torch.randn(9, 2, len(levels)).double(), torch.randn(9, 2).double()
    median = 3 + 2 * (outputs * torch.tensor(shares, dtype=torch.float64)).sum(-1)
    scores = goal.finish(goal.tally(outputs.flatten(1), targets))
    assert scores["mae"] == pytest.approx(float((median - targets).abs().mean()))
    assert scores["rmse"] == pytest.approx(float((median - targets).square().mean().sqrt()))


def test_of_several_series_mase_and_r2_are_means_over_series_whatever_is_missing() -> None:
    scale = {"offset": (1.0, 50.0, 0.0), "scale": (2.0, 9.0, 1.0), "naive_error": (0.5, 8.0, 1.0)}
    goal = Forecasting(values=2, names=("a", "b", "c"), **scale)
    outputs, targets = torch.randn(8, 6), torch.randn(8, 6).double()
    targets[1:, 0], targets[2:, 3], targets[:, 4:] = torch.nan, torch.nan, torch.nan
    scores = goal.finish(goal.tally(outputs, targets))
    predicted = goal.predictions(outputs.double())
    mase, r2 = [], []
    for one, error in ((slice(0, 2), 0.5), (slice(2, 4), 8.0)):
        there = ~targets[:, one].isnan()
        mase.append(float((predicted - targets)[:, one][there].abs().mean()) / error)
        columns = [
            (targets[there[:, i], one][:, i], predicted[there[:, i], one][:, i]) for i in (0, 1)
        ]
        # One target alone has no r2.
        r2.append(np.mean([reference.r2_score(t, p) for t, p in columns if len(t) > 1]))
    assert scores["mase"] == pytest.approx(np.mean(mase))
    assert scores["r2"] == pytest.approx(np.mean(r2))


def test_labels_are_judged_one_by_one() -> None:
    goal = Labels(names=("a", "b"))
    outputs = torch.tensor([[2.0, -1.0], [-1.0, 3.0], [4.0, 1.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, math.nan], [1.0, 0.0]])
    scores = goal.finish(goal.tally(outputs, targets))
    f1 = [reference.f1_score([1, 1, 1], [1, 0, 1]), reference.f1_score([0, 0], [0, 1])]
    assert scores["macro_f1"] == pytest.approx(np.mean(f1))
    assert scores["accuracy"] == pytest.approx(3 / 5)
    there = ~targets.isnan()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(outputs[there], targets[there])
    assert scores["loss"] == pytest.approx(float(entropy))
    assert float(goal.loss(outputs, targets)) == pytest.approx(float(entropy))


@pytest.mark.parametrize(
    "goal", [Classification(classes=3), Regression(values=1), Labels(names=("a",))]
)
def test_a_batch_without_any_target_teaches_nothing(goal: tasks.Goal) -> None:
    outputs = torch.randn(4, goal.output_size, requires_grad=True)
    none = (
        torch.full((4,), IGNORED)
        if isinstance(goal, Classification)
        else torch.full((4, 1), math.nan)
    )
    loss = goal.loss(outputs, none)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not outputs.grad.any()


def imbalanced(folder: Path) -> tasks.LoadedTask:
    y = np.array([0] * 24 + [1] * 12 + [2] * 6)
    np.savez(folder / "a.npz", x=np.random.RandomState(0).randn(42, 3, 2), y=y)
    return tasks.load(str(folder / "a.npz"))


def test_balanced_weights_are_those_of_scikit_learn(tmp_path: Path) -> None:
    task = imbalanced(tmp_path)
    targets = task.train.targets.numpy()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(task.class_weights, expected, rtol=1e-6)
    outputs = torch.randn(len(targets), 3)
    weighted = torch.nn.functional.cross_entropy(
        outputs, task.train.targets, weight=task.class_weights
    )
    assert float(task.loss(outputs, task.train.targets, task.class_weights)) == pytest.approx(
        float(weighted)
    )
    # All classes count alike: always answering one costs the same, whichever it is.
    losses = [
        float(
            task.loss(
                10 * torch.eye(3)[c].expand(len(targets), 3), task.train.targets, task.class_weights
            )
        )
        for c in range(3)
    ]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    with pytest.raises(ValueError, match="no classes"):
        _ = tasks.load("adding:examples=50").class_weights


def test_chance_is_to_know_the_targets_alone(tmp_path: Path) -> None:
    task = imbalanced(tmp_path)
    truth = task.validation.targets
    assert task.chance["accuracy"] == pytest.approx(float((truth == 0).double().mean()))
    assert task.chance["balanced_accuracy"] == pytest.approx(1 / 3)
    assert task.chance["roc_auc"] == pytest.approx(0.5)
    adding = tasks.load("adding:examples=2000")
    assert adding.chance["mse"] == pytest.approx(1 / 6, rel=0.1)
    assert adding.info()["chance"] == adding.chance


def test_what_is_kept_of_a_split_are_its_mistakes(tmp_path: Path) -> None:
    task = imbalanced(tmp_path)
    split = task.validation
    model = SequenceModel(2, 3, 4, cell="gru")
    outputs = model(split.inputs).detach()
    parts = [
        task.tally(outputs[:2], split.targets[:2], {}),
        task.tally(outputs[2:], split.targets[2:], {}),
    ]
    whole = task.merge(parts)
    assert task.finish(whole) == pytest.approx(evaluate(model, split, task), rel=1e-5)
    kept = task.diagnose(whole)
    expected = reference.confusion_matrix(split.targets, outputs.argmax(1), labels=[0, 1, 2])
    worst = kept.pop("worst")
    assert kept == {"kind": "confusion", "classes": ["0", "1", "2"], "matrix": expected.tolist()}
    probabilities = outputs.double().softmax(1)
    truth = probabilities[torch.arange(len(split)), split.targets]
    wrong = (outputs.argmax(1) != split.targets).nonzero().flatten()
    assert [one["index"] for one in worst] == sorted(wrong.tolist(), key=lambda i: truth[i])[:6]
    assert len(worst) == min(6, len(wrong)) > 0
    for one in worst:
        i = one["index"]
        assert one["true"] == str(int(split.targets[i]))
        assert one["predicted"] == str(int(probabilities[i].argmax()))
        assert one["probability"] == pytest.approx(float(probabilities[i].max()))
        assert one["true_probability"] == pytest.approx(float(truth[i]))
    numbers = tasks.load("adding:examples=50")
    targets = numbers.validation.targets
    kept = numbers.diagnose(numbers.tally(targets + 0.5, targets, {}))
    assert (kept["kind"], kept["targets"]) == ("residuals", len(targets))
    assert kept["target"] == pytest.approx(targets.flatten().tolist())
    assert set(np.round(list(kept["quantiles"].values()), 5)) == {0.5}
