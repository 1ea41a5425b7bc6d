"""A candidate: plain data with a key that depends on its values alone."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from typing import Any, Literal

import later_settings
import pytest
import torch

from optcell_search.space import Candidate, SearchSpace, SpaceError, trial_seed

DATA: dict[str, dict[str, Any]] = {
    "cell": {"name": "lstm"},
    "rule": {"name": "heavy_ball", "mu": 0.5, "s": 1.0},
    "model": {
        "hidden_size": 12,
        "num_layers": 2,
        "dropout": 0.0,
        "bidirectional": True,
        "learn_rule": False,
    },
    "training": {
        "optimizer": "adam",
        "lr": 0.01,
        "batch_size": 32,
        "clip": 1.0,
        "weight_decay": 0.0,
        "pretrain_epochs": 0,
    },
}


@dataclass
class Sizes:
    input_size: int = 3
    output_size: int = 5
    readout: Literal["last", "every"] = "last"
    frame: tuple[int, int, int] | None = None
    symbols: bool = False
    embedded: tuple[tuple[int, int], ...] = ()


def test_to_dict_gives_back_everything() -> None:
    candidate = Candidate.from_dict(DATA)
    assert candidate.to_dict() == {
        **DATA,
        "model": DATA["model"] | later_settings.MODEL,
        "training": DATA["training"] | later_settings.TRAINING,
    }
    assert Candidate.from_dict(json.loads(json.dumps(candidate.to_dict()))) == candidate
    assert (candidate.cell, candidate.rule) == ("lstm", "heavy_ball")
    assert candidate.model.hidden_size == 12
    assert candidate.training.lr == 0.01


def test_what_is_left_out_takes_its_default() -> None:
    candidate = Candidate.from_dict({"cell": {"name": "rnn"}, "rule": {"name": "gd"}})
    assert candidate.flat() == {
        "cell": "rnn",
        "rule": "gd",
        "rnn.nonlinearity": "tanh",
        "gd.s": 1.0,
        "model.hidden_size": 64,
        "model.num_layers": 1,
        "model.dropout": 0.0,
        "model.bidirectional": False,
        "model.learn_rule": False,
        "training.optimizer": "rmsprop",
        "training.lr": 1e-3,
        "training.batch_size": 128,
        "training.clip": 1.0,
        "training.weight_decay": 0.0,
        "training.pretrain_epochs": 0,
        **later_settings.PRESENT,
    }


def test_the_key_is_the_hash_of_the_canonical_text() -> None:
    text = (
        '{"cell":{"name":"lstm"},'
        '"model":{"bidirectional":true,"dropout":0.0,"hidden_size":12,"learn_rule":false,'
        '"num_layers":2},'
        '"rule":{"mu":0.5,"name":"heavy_ball","s":1.0},'
        '"training":{"batch_size":32,"clip":1.0,"lr":0.01,"optimizer":"adam",'
        '"pretrain_epochs":0,"weight_decay":0.0}}'
    )
    key = Candidate.from_dict(DATA).key
    assert key == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_order_and_kind_of_number_do_not_change_the_key() -> None:
    backwards: dict[str, Any] = {
        section: dict(reversed(values.items())) for section, values in reversed(DATA.items())
    }
    backwards["rule"]["s"] = 1
    backwards["training"]["clip"] = 1
    backwards["training"]["weight_decay"] = -0.0
    candidate = Candidate.from_dict(DATA)
    again = Candidate.from_dict(backwards)
    assert again.key == candidate.key
    assert again == candidate
    assert hash(again) == hash(candidate)
    assert pickle.loads(pickle.dumps(candidate)) == candidate


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("cell", {"name": "gru"}),
        ("rule", {"mu": 0.5000000000000001}),
        ("model", {"learn_rule": True}),
        ("training", {"lr": 0.02}),
    ],
)
def test_every_value_changes_the_key(section: str, change: dict[str, Any]) -> None:
    other = Candidate.from_dict({**DATA, section: {**DATA[section], **change}})
    assert other.key != Candidate.from_dict(DATA).key
    assert other != Candidate.from_dict(DATA)


def test_all_faults_of_a_candidate_are_reported_at_once() -> None:
    data = {
        "cell": {"name": "lsmt"},
        "rule": {"name": "adam", "mu": 1.0, "step": 1},
        "model": {"hidden_size": 1.5},
        "trainig": {},
        "training": 3,
    }
    with pytest.raises(SpaceError) as caught:
        Candidate.from_dict(data, "trial 3")
    assert [line.partition("; valid: ")[0] for line in caught.value.faults] == [
        "trial 3: trainig: unknown key 'trainig' (did you mean 'training'?)",
        "trial 3: cell.name: unknown cell 'lsmt' (did you mean 'lstm'?)",
        "trial 3: rule.step: unknown hyperparameter 'step'",
        "trial 3: rule.mu: mu = 1.0 is out of range",
        "trial 3: model.hidden_size: hidden_size = 1.5 is not an integer",
        "trial 3: training: 3 is not a table",
    ]


@pytest.mark.parametrize("data", [{}, {"cell": {"name": "rnn"}, "rule": {}}, {"rule": "gd"}, None])
def test_cell_and_rule_must_be_named(data: Any) -> None:
    with pytest.raises(SpaceError, match=r'rule: missing or without a name; valid: \{ name = "'):
        Candidate.from_dict(data)


@pytest.mark.parametrize("readout", ["last", "every"])
def test_build_gives_a_model_that_fits_the_task(readout: Literal["last", "every"]) -> None:
    model = Candidate.from_dict(DATA).build(Sizes(readout=readout))
    output = model(torch.zeros(2, 7, 3))
    assert output.shape == ((2, 5) if readout == "last" else (2, 7, 5))
    assert model.cell.hidden_size == 12
    assert model.cell.num_layers == 2
    assert model.cell.bidirectional
    assert model.cell.rule.values() == {"mu": 0.5, "s": 1.0}
    assert not any(name.endswith("mu") for name, _ in model.named_parameters())


def test_build_takes_the_name_of_a_task() -> None:
    model = Candidate.from_dict(DATA).build("digits")
    assert model(torch.zeros(2, 8, 8)).shape == (2, 10)
    with pytest.raises(ValueError, match="digts"):
        Candidate.from_dict(DATA).build("digts")


def test_build_passes_on_the_options_of_cell_and_model() -> None:
    data = {
        "cell": {"name": "rnn", "nonlinearity": "relu"},
        "rule": {"name": "adam", "mu": 0.1},
        "model": {"learn_rule": True, "num_layers": 2, "dropout": 0.25},
    }
    model = Candidate.from_dict(data).build(Sizes())
    assert model.cell.cell.values() == {"nonlinearity": "relu"}
    assert model.cell.rule.name == "adam"
    assert model.cell.dropout == 0.25
    assert len(list(model.cell.parameters())) > len(
        list(
            Candidate.from_dict({**data, "model": {"num_layers": 2}})
            .build(Sizes())
            .cell.parameters()
        )
    )


def test_every_candidate_of_the_smoke_space_can_be_built() -> None:
    for candidate in SearchSpace.load("smoke").grid(points=1):
        output = candidate.build(Sizes())(torch.ones(2, 4, 3))
        assert output.isfinite().all()


def test_trial_seeds() -> None:
    digest = hashlib.sha256(b"7:0123456789abcdef:2").hexdigest()
    assert trial_seed(7, "0123456789abcdef", 2) == int(digest[:8], 16) // 2
    seeds = {
        trial_seed(run_seed, key, repeat)
        for run_seed in range(10)
        for key in ("a", "b")
        for repeat in range(10)
    }
    assert len(seeds) == 200
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert trial_seed(3, "a") == trial_seed(3, "a", repeat=0)
