"""Training sequences that are changed each time they are seen."""

from __future__ import annotations

import copy

import pytest
import torch
from recipes import candidate, same, trained, weights_of
from torch import Tensor

from optcell_search import tasks
from optcell_search.space import SearchSpace, SpaceError
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import Training, check_training, evaluate
from optcell_search.training.recipe.augmentation import Augmentation


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
