"""Settings that were added after the first release, and hyperparameters that need others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from optcell_search import registry
from optcell_search.hyperparameters import Hyperparameters, choice, integer, real, specification
from optcell_search.penalties.energy_imbalance import EnergyImbalance
from optcell_search.space import (
    Candidate,
    Model,
    SearchSpace,
    SpaceError,
    Training,
    check_fit,
    from_flat,
)

# As version 0.1.0 stored them, with the keys it gave them.
STORED: dict[str, dict[str, Any]] = {
    "1e72f92ca2d13ccf": {
        "cell": {"name": "gru"},
        "rule": {"name": "heavy_ball", "mu": 0.3, "s": 0.7},
        "model": {
            "hidden_size": 48,
            "num_layers": 1,
            "dropout": 0.0,
            "bidirectional": False,
            "learn_rule": False,
        },
        "training": {
            "optimizer": "rmsprop",
            "lr": 0.002,
            "batch_size": 128,
            "clip": 1.0,
            "weight_decay": 0.0,
            "pretrain_epochs": 0,
        },
        "objective": {"energy_imbalance": {"weight": 0.1, "tolerance": 24.0}},
    },
    "e25927da6c5a5e20": {"cell": {"name": "conv_gru"}, "rule": {"name": "gd"}},
    "94c87a689459626f": {
        "cell": {"name": "lstm"},
        "rule": {"name": "adam", "mu": 0.6, "s": 0.6, "beta": 0.9, "eps": 1e-08},
        "model": {
            "hidden_size": 64,
            "num_layers": 2,
            "dropout": 0.25,
            "bidirectional": False,
            "learn_rule": False,
        },
        "training": {
            "optimizer": "rmsprop",
            "lr": 0.001,
            "batch_size": 128,
            "clip": 1.0,
            "weight_decay": 0.0,
            "pretrain_epochs": 0,
        },
    },
}
FIXED: dict[str, Any] = {"cells": ["gru"], "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}


@pytest.mark.parametrize("key", STORED)
def test_candidates_of_the_first_release_keep_their_keys(key: str) -> None:
    candidate = Candidate.from_dict(STORED[key])
    assert candidate.key == key
    assert Candidate.from_dict(candidate.to_dict()).key == key
    assert set(candidate.training.values()) > set(STORED[key].get("training", {}))


@pytest.mark.parametrize("settings", [Model, Training])
def test_a_later_setting_counts_once_it_is_set(settings: Any) -> None:
    plain = Candidate.from_dict({"cell": {"name": "gru"}, "rule": {"name": "gd"}})
    specs = specification(settings)
    later = {name for name, spec in specs.items() if spec.since}
    keys = {plain.key}
    for name in later:
        spec = specs[name]
        other = next(
            value
            for value in (getattr(spec, "options", None) or (spec.low, spec.high))
            if value != spec.default
        )
        values = {name: other}
        for key, wanted in spec.needs.items():
            values[key] = wanted[-1] if isinstance(wanted, tuple) else int(wanted)
        data = plain.to_dict()
        data[settings.name] |= values
        keys.add(Candidate.from_dict(data).key)
    assert len(keys) == 1 + len(later)


@dataclass(frozen=True, kw_only=True)
class Later(EnergyImbalance):
    """A shipped penalty that has got one option more."""

    more: float = real(0.0, search=(0.0, 1.0), valid=(0.0, 1.0), since="0.3")


def test_a_later_option_of_a_penalty_leaves_stored_keys_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry.penalties._plugins, "energy_imbalance", Later)
    key, data = next((key, data) for key, data in STORED.items() if "objective" in data)
    candidate = Candidate.from_dict(data)
    assert dict(candidate.penalties)["energy_imbalance"] == (
        ("weight", 0.1), ("tolerance", 24.0), ("more", 0.0),
    )  # fmt: skip
    assert candidate.key == key
    tables = candidate.to_dict()
    tables["penalty"]["energy_imbalance"]["more"] = 0.5
    assert Candidate.from_dict(tables).key != key


def test_the_first_settings_count_always() -> None:
    one = from_flat({"cell": "gru", "rule": "gd", "model.hidden_size": 64})
    other = from_flat({"cell": "gru", "rule": "gd", "model.hidden_size": 65})
    assert one.key != other.key
    first = {name for name, spec in specification(Training).items() if not spec.since}
    assert first == {
        "optimizer", "lr", "batch_size", "clip", "weight_decay", "pretrain_epochs",
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Example(Hyperparameters):
    """Every kind of field under every kind of condition."""

    name: ClassVar[str] = "example"

    kind: str = choice("a", options=("a", "b", "c"))
    count: int = integer(0, search=(0, 3), valid=(0, 9))
    size: int = integer(4, search=(1, 8), valid=(1, 9), needs={"kind": ("b", "c")})
    share: float = real(0.0, search=(0.1, 0.5), valid=(0.0, 1.0), needs={"count": 2})


def test_a_field_exists_beside_what_it_needs() -> None:
    assert Example().present() == {"kind": "a", "count": 0}
    assert Example(kind="c", size=5).present() == {"kind": "c", "count": 0, "size": 5}
    assert Example(count=2, share=0.5).present() == {"kind": "a", "count": 2, "share": 0.5}
    with pytest.raises(
        ValueError,
        match=r"example\.size = 5 needs example\.kind = 'b' or 'c', which is 'a'; valid: 4",
    ):
        Example(size=5)
    with pytest.raises(
        ValueError, match=r"example\.share = 0\.5 needs example\.count >= 2, which is 1; valid: 0"
    ):
        Example(count=1, share=0.5)


def test_only_what_exists_is_searched_and_counted() -> None:
    model = {
        "front": {"choices": ["none", "serial"]},
        "front_width": {"choices": [32, 64]},
        "num_layers": {"low": 1, "high": 2},
        "residual": {"choices": [False, True]},
    }
    training = {
        "schedule": {"choices": ["constant", "one_cycle"]},
        "warmup": {"choices": [0.0, 0.1]},
    }
    space = SearchSpace(**FIXED, model=model, training=training)
    grid = space.grid()
    assert space.size == len(grid) == len(set(grid)) == (1 + 2) * (1 + 2) * (2 + 1)
    assert all(candidate in space for candidate in grid)
    assert SearchSpace.from_dict(space.to_dict()) == space
    for candidate in grid:
        flat = candidate.flat()
        assert ("model.front_width" in flat) == (candidate.model.front == "serial")
        assert ("model.residual" in flat) == (candidate.model.num_layers == 2)
        assert ("training.warmup" in flat) == (candidate.training.schedule == "constant")
        assert from_flat(flat) == candidate


def test_a_candidate_with_what_cannot_be_there_is_refused() -> None:
    data = {"cell": {"name": "gru"}, "rule": {"name": "gd"}, "model": {"front_width": 32}}
    with pytest.raises(SpaceError) as caught:
        Candidate.from_dict(data)
    assert caught.value.faults == (
        "candidate: model.front_width: 32 needs front = 'serial' or 'parallel', and front is "
        "'none'; valid: 64",
    )


@dataclass
class Sizes:
    readout: Any
    symbols: bool
    input_size: int = 1
    output_size: int = 9
    frame: tuple[int, int, int] | None = None
    embedded: tuple[tuple[int, int], ...] = ()


def test_fronts_and_read_outs_that_do_not_fit_a_task_are_refused() -> None:
    pooled = SearchSpace(**FIXED, model={"readout": {"choices": ["last", "mean"]}})
    check_fit(pooled, Sizes("last", False))
    with pytest.raises(SpaceError, match=r"model\.readout: every step of the task has a target"):
        check_fit(pooled, Sizes("every", False))
    strides = SearchSpace(**FIXED, model={"front": "serial", "front_stride": {"choices": [1, 2]}})
    check_fit(strides, Sizes("last", False))
    with pytest.raises(SpaceError, match=r"model\.front_stride: every step of the task has a tar"):
        check_fit(strides, Sizes("every", False))
    beside = SearchSpace(**FIXED, model={"front": {"choices": ["serial", "parallel"]}})
    check_fit(beside, Sizes("every", False))
    with pytest.raises(SpaceError, match=r"model\.front: it widens the read-out, which is tied"):
        check_fit(beside, Sizes("every", True))


def test_a_candidate_builds_what_it_says() -> None:
    values = {
        "cell": "gru", "rule": "gd", "model.front": "parallel", "model.front_width": 5,
        "model.front_depth": 3, "model.front_kernel": 5, "model.readout": "mean_max",
        "model.norm": "layer", "model.num_layers": 2, "model.residual": True,
        "model.input_dropout": 0.25, "model.readout_dropout": 0.5,
    }  # fmt: skip
    model = from_flat(values).build(Sizes("last", False))
    assert [layer.linear.kernel_size for layer in model.front.layers] == [(5,), (3,), (3,)]
    assert model.readout.in_features == 2 * 64 + 5
    assert model.cell.residual
    assert (model.input_dropout, model.readout_dropout) == (0.25, 0.5)
    # Where every step has a target, that is what is read.
    data = from_flat({**values, "model.readout": "last"})
    assert data.build(Sizes("every", False)).reads == "every"
