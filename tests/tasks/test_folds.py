"""Data dealt anew into folds: what is in which, for classes, forecasts and all others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optcell_search import tasks
from optcell_search.tasks import Data, LoadedTask, Split
from optcell_search.tasks.folds import automatic_folds, chance_in, fold, refusal
from optcell_search.tasks.joining import joined, whole_task
from optcell_search.tuning.resolving.limits import folds_of


def numbered(folder: Path, *, classes: bool = True, count: int = 60) -> LoadedTask:
    """A task whose sequences can be told apart by their first number."""
    x = np.arange(count, dtype="float32")[:, None, None] * np.ones((1, 3, 1), "float32")
    y = (np.arange(count) % 3).astype("int64") if classes else np.arange(count) / 7
    np.savez(folder / "numbered.npz", x=x, y=y)
    return tasks.load(str(folder / "numbered.npz"))


def forecast(
    folder: Path, horizon: int, rows: int = 200, more: str = "", values: Any = None
) -> LoadedTask:
    values = np.arange(rows) % 17 if values is None else values
    text = "\n".join(["value", *("" if np.isnan(value) else f"{value:.1f}" for value in values)])
    (folder / "series.csv").write_text(text + "\n")
    spec = f"forecast:file={folder / 'series.csv'},target=value,window=8,horizon={horizon}"
    return tasks.load(spec + more)


def sequences(split: Split) -> list[float]:
    return split.inputs[:, 0, 0].tolist()


@pytest.mark.parametrize("classes", [True, False])
def test_every_sequence_but_those_of_the_test_is_validated_once(
    tmp_path: Path, classes: bool
) -> None:
    task = numbered(tmp_path, classes=classes)
    every = sorted(sequences(task.train) + sequences(task.validation))
    dealt = [fold(task, number, 4, seed=1) for number in range(4)]
    assert sorted(value for one in dealt for value in sequences(one.validation)) == every
    for one in dealt:
        assert sorted(sequences(one.train) + sequences(one.validation)) == every
        assert abs(len(one.validation) - len(every) / 4) < 1
        with pytest.raises(RuntimeError, match="sealed"):
            _ = one.test
    tested = sequences(task.unseal())
    assert not set(tested) & set(every)


def test_targets_stay_with_their_sequences_and_classes_in_proportion(tmp_path: Path) -> None:
    task = numbered(tmp_path)
    for number in range(4):
        one = fold(task, number, 4, seed=0)
        for split in (one.train, one.validation):
            assert split.targets.tolist() == [int(value) % 3 for value in sequences(split)]
        counts = torch.bincount(one.validation.targets, minlength=3)
        assert int(counts.max() - counts.min()) <= 1


def test_the_seed_decides(tmp_path: Path) -> None:
    task = numbered(tmp_path)
    first, again, other = (sequences(fold(task, 0, 3, seed).validation) for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_forecast_is_validated_on_what_comes_later(tmp_path: Path, horizon: int) -> None:
    task = forecast(tmp_path, horizon)
    whole = joined(task.train, task.validation)
    ends = []
    for number in range(3):
        one = fold(task, number, 3, seed=0)
        trained, begun = len(one.train), sum(ends[-1:]) or round(len(whole) / 4)
        assert torch.equal(one.train.targets, whole.targets[:trained])
        # A window is a row later than the one before: what the last one forecasts ends right
        # before what the first one of the validation does.
        assert trained == begun - (horizon - 1)
        validated = slice(begun, begun + len(one.validation))
        assert torch.equal(one.validation.targets, whole.targets[validated])
        ends.append(begun + len(one.validation))
    assert ends[-1] == len(whole)


@pytest.mark.parametrize(
    ("horizon", "stride"), [(1, 1), (12, 1), (12, 5), (12, 6), (12, 11), (12, 12), (12, 30), (2, 3)]
)
def test_of_windows_further_apart_no_more_are_left_out_than_overlap(
    tmp_path: Path, horizon: int, stride: int
) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(["row", *map(str, range(900))]))
    spec = f"forecast:file={tmp_path / 'rows.csv'},target=row,window=8"
    task = tasks.load(f"{spec},horizon={horizon},stride={stride}")
    whole = joined(task.train, task.validation)
    for number in range(3):
        one = fold(task, number, 3, seed=0)
        seen, judged = (
            set(split.known.flatten().tolist()) for split in (one.train, one.validation)
        )
        assert max(seen) < min(judged)
        # The next window forecasts what is validated: either it overlaps, or it is the first one.
        assert max(whole.known[len(one.train)].tolist()) >= min(judged)


def test_windows_that_do_not_overlap_are_enough_for_folds(tmp_path: Path) -> None:
    assert refusal(forecast(tmp_path, 10, more=",stride=10"), 5) == ""
    few = forecast(tmp_path, 10, rows=100, more=",stride=5")
    assert refusal(few, 5) == "12 windows are too few; needed are 18"


def test_splits_of_different_lengths_are_padded_as_targets_are() -> None:
    first = Split(torch.ones(2, 3, 1), torch.ones(2, 3, dtype=torch.int64))
    second = Split(torch.ones(1, 5, 1), torch.zeros(1, 5, dtype=torch.int64), torch.tensor([4]))
    both = joined(first, second)
    assert both.lengths is not None
    assert both.lengths.tolist() == [3, 3, 4]
    assert both.inputs[:2, 3:].abs().sum() == 0
    assert both.targets[0].tolist() == [1, 1, 1, tasks.IGNORED, tasks.IGNORED]
    assert both.targets[2].tolist() == [0] * 5


def test_what_is_small_has_folds_unless_told_otherwise(tmp_path: Path) -> None:
    assert automatic_folds(numbered(tmp_path)) == 5
    assert automatic_folds(numbered(tmp_path, count=1300)) == 1
    assert automatic_folds(numbered(tmp_path, classes=False, count=5)) == 1
    assert "4 sequences are too few" in refusal(numbered(tmp_path, classes=False, count=5), 5)
    assert "windows are too few; needed are 66" in refusal(forecast(tmp_path, 10, rows=100), 5)


def few_of_one_class(folder: Path, few: int, groups: int = 0) -> LoadedTask:
    """48 sequences for training and validation, `few` of them of class 1; or dealt into groups."""
    y = torch.zeros(48, dtype=torch.int64)
    y[:few] = 1
    x = torch.arange(48.0)[:, None, None].expand(48, 3, 1)
    of = torch.arange(48) % groups if groups else None
    data = Data(
        train=Split(x[:40], y[:40], groups=None if of is None else of[:40]),
        validation=Split(x[40:], y[40:], groups=None if of is None else of[40:]),
        goal=tasks.Classification(classes=2), readout="last", classes=("no", "yes"),
    )  # fmt: skip
    return LoadedTask(tasks.parse("adding"), folder, data=data)


@pytest.mark.parametrize(("few", "folds"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (9, 5)])
@pytest.mark.parametrize("seed", [0, 1])
def test_each_automatic_fold_validates_on_every_class(
    tmp_path: Path, few: int, folds: int, seed: int
) -> None:
    task = few_of_one_class(tmp_path, few)
    assert automatic_folds(task, seed) == folds
    for number in range(folds if folds > 1 else 0):
        assert set(fold(task, number, folds, seed).validation.targets.tolist()) == {0, 1}


def test_groups_are_dealt_automatically_so_that_each_fold_has_every_class(tmp_path: Path) -> None:
    # Twelve of a class, but in three of twelve groups.
    task = few_of_one_class(tmp_path, 0, groups=12)
    rare = joined(task.train, task.validation).groups
    assert rare is not None
    y = (rare < 3).to(torch.int64)
    data = replace(
        task._data,
        train=replace(task.train, targets=y[:40]),
        validation=replace(task.validation, targets=y[40:]),
    )
    task = LoadedTask(task.task, tmp_path, data=data)
    folds = automatic_folds(task)
    assert 2 <= folds <= 3
    for number in range(folds):
        assert set(fold(task, number, folds, 0).validation.targets.tolist()) == {0, 1}


def test_folds_that_an_objective_is_not_defined_in_are_refused(tmp_path: Path) -> None:
    task = few_of_one_class(tmp_path, 3)
    # Its own validation has one class alone, of which there is no area.
    some, none = "1 to 3", "2, 3"
    for metric, valid in (("balanced_accuracy", some), ("macro_f1", some), ("roc_auc", none)):
        expected = (
            "folds = 5, but task .*: fold . of 5 validates on nothing of class 'yes', "
            f"which {metric} cannot do without; valid: {valid}$"
        )
        with pytest.raises(ValueError, match=expected):
            folds_of(5, task, 0, ["accuracy", metric])
        assert folds_of(3, task, 0, [metric]) == 3
    assert folds_of(5, task, 0, ["accuracy", "cross_entropy", "parameters"]) == 5


def test_where_a_fold_leaves_an_objective_undefined_there_are_fewer_folds(tmp_path: Path) -> None:
    # A sensor that says nothing for a third of its time: the second of five folds, and of four.
    values = np.round(np.random.RandomState(0).randn(300), 1)
    values[60:130] = 0
    task = forecast(tmp_path, 2, values=values)
    assert automatic_folds(task) == folds_of("auto", task, 0, ["mase", "parameters"]) == 5
    count = folds_of("auto", task, 0, ["mase", "r2"])
    assert 1 < count < 5
    assert all(np.isfinite(fold(task, k, count, 0).chance["r2"]) for k in range(count))
    expected = r"folds = 5, .*: r2 is not defined for the targets that fold 2 of 5 validates on; "
    with pytest.raises(ValueError, match=f"{expected}valid: 1, 2, {count}$"):
        folds_of(5, task, 0, ["mase", "r2"])


def test_an_objective_that_nothing_defines_is_refused(tmp_path: Path) -> None:
    values = np.round(np.random.RandomState(0).randn(300), 1)
    values[50:] = 0
    task = forecast(tmp_path, 2, values=values)
    for asked, where in (("auto", "validation has"), (1, "validation has"), (3, "fold 1 of 3 va")):
        expected = f"r2 is not defined for the targets that {where}.*; valid: mase, .*"
        with pytest.raises(ValueError, match=expected) as caught:
            folds_of(asked, task, 0, ["r2"])  # type: ignore[arg-type]
        assert "r2" not in str(caught.value).rpartition("valid:")[2]


def test_classes_of_steps_are_validated_in_every_automatic_fold(tmp_path: Path) -> None:
    task = few_of_one_class(tmp_path, 0)
    steps = torch.zeros(48, 3, dtype=torch.int64)
    steps[:20, 0] = 1
    steps[20:, 2] = tasks.IGNORED

    def judged(count: int) -> LoadedTask:
        data = replace(
            task._data,
            train=replace(task.train, targets=steps[:40]),
            validation=replace(task.validation, targets=steps[40:]),
            goal=tasks.Classification(classes=2, judged_steps=count),
            readout="every",
        )
        return LoadedTask(task.task, tmp_path, data=data)

    assert judged(0).goal.occurring(steps) == {0, 1}
    assert judged(2).goal.occurring(steps) == {0}
    assert automatic_folds(judged(0)) == automatic_folds(judged(2)) == 5
    steps[1:20, 0] = 0
    assert automatic_folds(judged(0)) == 1


def test_streams_are_not_dealt(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("abcde " * 2000)
    task = tasks.load(str(tmp_path / "text.txt"))
    assert "streams" in refusal(task, 5)
    assert automatic_folds(task) == 1


def test_the_whole_is_training_and_validation_and_no_test(tmp_path: Path) -> None:
    task = numbered(tmp_path)
    whole = whole_task(task)
    assert sequences(whole.train) == sequences(task.train) + sequences(task.validation)
    assert not set(sequences(whole.train)) & set(sequences(task.unseal()))


@pytest.mark.parametrize(("season", "horizon", "stride"), [(1, 2, 1), (6, 4, 3), (2, 5, 2)])
def test_what_needs_no_input_is_measured_on_what_folds_validate(
    tmp_path: Path, season: int, horizon: int, stride: int
) -> None:
    # Ever wilder, so that each fold has a level of its own.
    rows = np.arange(300)
    values = np.round(np.random.RandomState(0).randn(300) * (1 + rows / 30), 1)
    task = forecast(tmp_path, horizon, more=f",season={season},stride={stride}", values=values)
    error = np.abs(values[season:210] - values[: 210 - season]).mean()
    errors = []
    for first in (*range(8, 210 - horizon + 1, stride), *range(210, 240 - horizon + 1, stride)):
        again = [values[first - season + ahead % season] for ahead in range(horizon)]
        errors.append(np.abs(values[first : first + horizon] - again).mean() / error)
    edges = np.linspace(0, len(errors), 5).round().astype(int)
    by_fold = [np.mean(errors[one:two]) for one, two in itertools.pairwise(edges[1:])]
    for number, expected in enumerate(by_fold):
        assert fold(task, number, 3, seed=0).chance["mase"] == pytest.approx(expected)
    assert chance_in(task, 3, seed=0)["mase"] == pytest.approx(np.mean(by_fold))
    own = np.mean(errors[-len(task.validation) :])
    assert chance_in(task, 1, seed=0)["mase"] == pytest.approx(own)
    assert whole_task(task).chance == task.chance
    assert own != pytest.approx(np.mean(by_fold), rel=0.02)


def test_what_a_task_has_told_of_its_validation_split_says_nothing_of_folds(tmp_path: Path) -> None:
    task = numbered(tmp_path)
    told = replace(task._data, chance={"accuracy": 0.9})
    task = LoadedTask(task.task, tmp_path, data=told)
    assert task.chance == whole_task(task).chance == {"accuracy": 0.9}
    assert np.isnan(chance_in(task, 3, seed=0)["accuracy"])
    assert np.isnan(task.beginning(9, 3).chance["accuracy"])
