"""Training sequences that are changed each time they are seen."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from forecasts import load, table
from recipes import candidate, same, trained, weights_of
from torch import Tensor
from torch.profiler import profile

from optcell_search import tasks
from optcell_search.space import SearchSpace, SpaceError
from optcell_search.tasks import LoadedTask, Split
from optcell_search.tasks.folds import fold
from optcell_search.training import Training, check_training, evaluate
from optcell_search.training.recipe.augmentation import Augmentation, augmentation_of


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


def test_the_windows_of_a_series_are_not_written_out() -> None:
    series = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0))
    windows = series.unfold(0, 500, 1).transpose(1, 2)
    split = Split(windows, torch.zeros(len(windows), 1))
    with profile(profile_memory=True) as watched:
        noise = Augmentation(candidate(jitter=0.1).training, split)
    assert sum(max(0, event.self_cpu_memory_usage) for event in watched.events()) < 10_000
    plain = Augmentation(candidate(jitter=0.1).training, replace(split, inputs=windows.clone()))
    torch.testing.assert_close(noise._spread, plain._spread)


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


def test_what_is_added_to_the_inputs_is_added_in_training_alone(few_digits: LoadedTask) -> None:
    before = copy.deepcopy((few_digits.train, few_digits.validation))
    plain, _ = trained(candidate(), few_digits, 1)
    noisy, told = trained(candidate(jitter=0.5), few_digits, 1)
    assert not same(weights_of(plain.model), weights_of(noisy.model))
    assert evaluate(noisy.model, few_digits.validation, few_digits)["loss"] == told[0]["loss"]
    for split, kept in zip((few_digits.train, few_digits.validation), before, strict=True):
        assert torch.equal(split.inputs, kept.inputs)


def test_windows_are_refused_where_every_step_has_a_target() -> None:
    adding = tasks.load("copying")
    with pytest.raises(ValueError, match=r"slicing = 0\.1 moves steps away from their targets"):
        Training(candidate(slicing=0.1), adding, seed=0)
    searched = {"slicing": {"choices": [0.0, 0.1]}}
    space = SearchSpace(cells=["gru"], rules=["gd"], training=searched)
    with pytest.raises(SpaceError, match=r"training\.slicing: it moves steps away"):
        check_training(space, adding)


@pytest.mark.parametrize("name", ["scaling", "slicing"])
def test_a_series_that_is_forecast_is_not_moved_from_what_follows(
    tmp_path: Path, name: str
) -> None:
    task, _ = load(tmp_path)
    refused = rf"training\.{name} = 0\.1 .* the values that follow it; valid: 0\.0"
    with pytest.raises(ValueError, match=refused):
        Training(candidate(**{name: 0.1}), fold(task, 1, 3, seed=0), seed=0)
    searched = {name: {"choices": [0.0, 0.1]}}
    space = SearchSpace(cells=["gru"], rules=["gd"], training=searched)
    with pytest.raises(SpaceError, match=rf"training\.{name}: .* the values that follow it"):
        check_training(space, task)


@pytest.mark.parametrize("to", ["last", "none"])
def test_what_a_forecast_is_relative_to_has_no_noise(tmp_path: Path, to: str) -> None:
    """The level that is added to an answer belongs to its target, which has none."""
    one = table()
    task, _ = load(tmp_path, "", {"heat": one["heat"], "load": one["load"], "t": one["t"]})
    ((place, _, _),) = task.anchors
    chosen = candidate({"relative_to": to}, jitter=0.5)
    augmentation = augmentation_of(chosen, task)
    assert augmentation is not None
    changed = (augmentation(task.train).inputs != task.train.inputs).any(0)
    expected = torch.ones_like(changed)
    expected[-1, place] = to == "none"
    assert torch.equal(changed, expected)
    shorter = replace(task.train, lengths=torch.full((len(task.train),), 20))
    same = (augmentation(shorter).inputs == shorter.inputs).all(0)
    assert same.nonzero().tolist() == ([[19, place]] if to == "last" else [])


def test_noise_does_not_hide_how_a_rising_series_goes_on(tmp_path: Path) -> None:
    t = np.arange(400)
    task, _ = load(tmp_path, "", {"t": t, "load": 0.05 * t + np.sin(t / 8)})
    told = {}
    for jitter in (0.0, 0.1):
        chosen = candidate({"relative_to": "last"}, jitter=jitter, optimizer="adam", lr=0.003)
        told[jitter] = trained(chosen, task, 10)[1][-1]["mase"]
    assert told[0.1] < 2 * told[0.0]
