"""suggest and sample: which candidates a space holds, and how they are chosen."""

from __future__ import annotations

import collections
import math
import pickle
import re
from typing import Any

import later_settings
import numpy as np
import optuna
import pytest
from spaces import DISCRETE, MIXED, every_space, lstm_space

from optcell_search import registry
from optcell_search.hyperparameters import Real, specification
from optcell_search.space import Candidate, SearchSpace

optuna.logging.set_verbosity(optuna.logging.WARNING)


def declared(rule: str, *names: str) -> dict[str, Any]:
    specs = specification(registry.rules.get(rule))
    ranges = {f"{rule}.{name}": specs[name] for name in names}
    return {
        name: {"low": spec.low, "high": spec.high, **({"log": True} if spec.log else {})}
        for name, spec in ranges.items()
        if isinstance(spec, Real)
    }


def test_domains_are_what_was_given_declared_or_the_default() -> None:
    assert {name: domain.plain() for name, domain in MIXED.domains.items()} == {
        "rnn.nonlinearity": {"choices": ["tanh", "relu"]},
        **declared("gd", "s"),
        **declared("nesterov", "s"),
        "nesterov.restart": {"low": 1, "high": 64, "log": True},
        **declared("adam", "mu", "s", "beta", "eps"),
        "model.hidden_size": 64,
        "model.num_layers": 1,
        "model.dropout": {"low": 0.0, "high": 0.5, "step": 0.25},
        "model.bidirectional": False,
        "model.learn_rule": False,
        "training.optimizer": "adam",
        "training.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "training.batch_size": 128,
        "training.clip": 1.0,
        "training.weight_decay": 0.0,
        "training.pretrain_epochs": 0,
        **later_settings.ALL,
    }


@every_space
def test_a_space_survives_to_dict_and_pickle(space: SearchSpace) -> None:
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(SearchSpace.from_dict(space.to_dict())) == hash(space)
    assert DISCRETE != MIXED


def test_the_trial_is_asked_for_what_exists_and_is_not_fixed() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    asked: dict[tuple[str, str], set[str]] = {}
    for _ in range(40):
        trial = study.ask()
        candidate = MIXED.suggest(trial)
        assert candidate in MIXED
        asked[candidate.cell, candidate.rule] = set(trial.params)
        flat = candidate.flat()
        assert {name: flat[name] for name in trial.params} == trial.params
        study.tell(trial, 0.0)
    always = {"cell", "rule", "model.dropout", "training.lr"}
    rnn = {"rnn.nonlinearity"}
    nesterov = {"nesterov.s", "nesterov.restart"}
    adam = {"adam.mu", "adam.s", "adam.beta", "adam.eps"}
    assert asked == {
        ("rnn", "gd"): always | rnn | {"gd.s"},
        ("rnn", "nesterov"): always | rnn | nesterov,
        ("rnn", "adam"): always | rnn | adam,
        ("gru", "gd"): always | {"gd.s"},
        ("gru", "nesterov"): always | nesterov,
        ("gru", "adam"): always | adam,
    }


def test_a_single_candidate_asks_for_nothing() -> None:
    trial = optuna.create_study().ask()
    space = lstm_space()
    assert space.suggest(trial) == space.sample()
    assert trial.params == {}
    assert space.size == 1


def test_ranges_reach_optuna_as_they_are() -> None:
    trial = optuna.trial.FixedTrial(
        {"model.hidden_size": 16, "model.num_layers": 3, "training.lr": 0.1, "model.dropout": 0.3}
    )
    space = lstm_space(
        model={
            "hidden_size": {"low": 8, "high": 32, "step": 8},
            "num_layers": {"low": 1, "high": 9, "log": True},
            "dropout": {"low": 0, "high": 0.9, "step": 0.1},
        },
        training={"lr": {"low": 0.01, "high": 1, "log": True}},
    )
    space.suggest(trial)
    assert trial.distributions == {
        "model.hidden_size": optuna.distributions.IntDistribution(8, 32, step=8),
        "model.num_layers": optuna.distributions.IntDistribution(1, 9, log=True),
        "model.dropout": optuna.distributions.FloatDistribution(0, 0.9, step=0.1),
        "training.lr": optuna.distributions.FloatDistribution(0.01, 1, log=True),
    }


def test_a_suggested_step_is_the_exact_multiple() -> None:
    space = lstm_space(model={"dropout": {"low": 0, "high": 0.9, "step": 0.1}})
    trial = optuna.trial.FixedTrial({"model.dropout": 3 * 0.1})
    assert 3 * 0.1 != 0.3
    assert space.suggest(trial).model.dropout == 0.3


@every_space
def test_samples_are_repeatable_and_inside(space: SearchSpace) -> None:
    samples = [space.sample(seed) for seed in range(60)]
    assert samples == [space.sample(seed) for seed in range(60)]
    assert all(candidate in space for candidate in samples)
    assert {c.cell for c in samples} == set(space.cells)
    assert {c.rule for c in samples} == set(space.rules)
    assert len(set(samples)) > 30


@pytest.mark.parametrize("seed", [-1, True, 1.0, "1", None])
def test_a_seed_is_an_integer_from_0_on(seed: Any) -> None:
    fault = re.escape(f"seed = {seed!r} is not an integer of 0 or more; valid: 0, 1, 2, ...")
    with pytest.raises(ValueError, match=fault):
        MIXED.sample(seed)


def test_numbers_of_numpy_are_numbers() -> None:
    assert MIXED.sample(np.int64(1)) == MIXED.sample(1)
    assert DISCRETE.grid(np.int64(2)) == DISCRETE.grid(2)


def test_samples_are_the_same_on_every_machine() -> None:
    # Written down once. A change here breaks the replay of every random search on record.
    space = SearchSpace(
        cells=["rnn", "lstm"],
        rules=["nesterov", "heavy_ball"],
        cell={"rnn": {"nonlinearity": {"choices": ["tanh", "relu"]}}},
        rule={
            "nesterov": {
                "s": {"low": 0.05, "high": 2, "log": True},
                "restart": {"low": 1, "high": 64, "log": True},
            },
            "heavy_ball": {"mu": {"low": 0, "high": 0.95}, "s": {"choices": [0.3, 0.6, 1]}},
        },
        model={"dropout": {"low": 0, "high": 0.9, "step": 0.1}},
        training={"batch_size": {"low": 16, "high": 512}},
    )
    assert {seed: searched(space, seed) for seed in GOLDEN} == GOLDEN


def searched(space: SearchSpace, seed: int) -> dict[str, Any]:
    flat = space.sample(seed).flat()
    names = [name for name, domain in space.domains.items() if domain.size != 1]
    return {name: flat[name] for name in names if name in flat}


GOLDEN: dict[int, dict[str, Any]] = {
    1: {
        "rnn.nonlinearity": "relu",
        "nesterov.s": 0.07724721695497519,
        "nesterov.restart": 20,
        "model.dropout": 0.7,
        "training.batch_size": 349,
    },
    3: {
        "rnn.nonlinearity": "relu",
        "nesterov.s": 1.4667920299110486,
        "nesterov.restart": 5,
        "model.dropout": 0.9,
        "training.batch_size": 49,
    },
    5: {
        "heavy_ball.mu": 0.7554338872874118,
        "heavy_ball.s": 1.0,
        "model.dropout": 0.8,
        "training.batch_size": 30,
    },
}


def test_samples_fill_a_range_on_its_own_scale() -> None:
    space = lstm_space(
        training={
            "lr": {"low": 1e-4, "high": 1e-2, "log": True},
            "clip": {"low": 2, "high": 4},
            "batch_size": {"low": 1, "high": 16, "log": True},
            "weight_decay": {"low": 0, "high": 1, "step": 0.5},
        },
        model={"num_layers": {"low": 1, "high": 4}},
    )
    training = [space.sample(seed).training for seed in range(1000)]
    below_the_middle = sum(t.lr < 1e-3 for t in training), sum(t.clip < 3 for t in training)
    assert all(abs(count - 500) < 70 for count in below_the_middle)
    batches = collections.Counter(t.batch_size for t in training)
    assert set(batches) == set(range(1, 17))
    # On a log scale 1 has the share log(1.5/0.5) / log(16.5/0.5) of [0.5, 16.5].
    assert abs(batches[1] - 1000 * math.log(3) / math.log(33)) < 70
    assert collections.Counter(t.weight_decay for t in training).keys() == {0.0, 0.5, 1.0}
    layers = collections.Counter(space.sample(seed).model.num_layers for seed in range(1000))
    assert layers.keys() == {1, 2, 3, 4}
    assert max(layers.values()) - min(layers.values()) < 100


def test_membership() -> None:
    inside = {
        "cell": {"name": "rnn", "nonlinearity": "tanh"},
        "rule": {"name": "heavy_ball", "mu": 0.3, "s": 0.7},
        "model": {"hidden_size": 16, "num_layers": 2},
    }
    assert Candidate.from_dict(inside) in DISCRETE
    for section, change in [
        ("cell", {"name": "gru"}),
        ("rule", {"name": "nesterov"}),
        ("rule", {"name": "heavy_ball", "mu": 0.4, "s": 0.7}),
        ("rule", {"name": "heavy_ball", "mu": 0.3, "s": 0.75}),
        ("rule", {"name": "heavy_ball", "mu": 0.3, "s": 1.1}),
        ("model", {"hidden_size": 12, "num_layers": 2}),
        ("model", {"hidden_size": 40, "num_layers": 2}),
        ("model", {"hidden_size": 16, "num_layers": 1}),
    ]:
        assert Candidate.from_dict({**inside, section: change}) not in DISCRETE
    assert "lstm" not in DISCRETE


def test_the_summary_is_one_line() -> None:
    assert DISCRETE.summary == (
        "rnn, lstm with gd, heavy_ball; 4 hyperparameters searched, 372 candidates"
    )
    assert MIXED.summary == (
        "a bit of everything (rnn, gru with gd, nesterov, adam; "
        "10 hyperparameters searched, 7 of them continuous)"
    )
