"""The spaces in the package: they load, and hold what they promise."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from optcell_search import registry
from optcell_search.hyperparameters import Choice, specification
from optcell_search.space import Candidate, Model, SearchSpace, Training

# FACTS: the settings in the authors' own recipes, as (rule, hyperparameters, hidden size).
PUBLISHED = [
    (rule, values, hidden)
    for hidden, heavy_ball, adam, rmsprop, nesterov in [
        (256, (0.6, 0.6), (0.6, 0.6, 0.1), (0.6, 0.9), (1.0, 2)),
        (256, (0.6, 1.0), (0.6, 1.0, 0.01), (1.0, 0.01), (0.9, 40)),
        (158, (0.3, 0.1), (0.3, 0.1, 0.999), (0.1, 0.999), (0.1, 2)),
        (512, (0.3, 0.3), (0.3, 0.3, 0.8), (0.3, 0.9), (0.3, 2)),
    ]
    for rule, values in [
        ("heavy_ball", dict(zip(("mu", "s"), heavy_ball, strict=True))),
        ("adam", dict(zip(("mu", "s", "beta"), adam, strict=True))),
        ("rmsprop", dict(zip(("s", "beta"), rmsprop, strict=True))),
        ("nesterov", dict(zip(("s", "restart"), nesterov, strict=True))),
        ("nesterov", {"s": nesterov[0], "restart": 0}),
        ("gd", {"s": 1.0}),
    ]
]


# With grids too large to walk, of up to more than a million candidates.
LARGE = {
    "inside_outside",
    "modern",
    "auto",
    "conv_recurrent",
    "everything",
    "hippo",
    "long_memory",
    "orthogonal",
    "reservoir",
}


def test_names_are_those_of_the_files() -> None:
    assert {"momentum_lstm", "optimizer_cells", "smoke"} <= set(SearchSpace.names())
    for name in SearchSpace.names():
        assert (files("search_spaces") / f"{name}.toml").is_file()


@pytest.mark.parametrize("name", SearchSpace.names())
def test_a_shipped_space_loads_and_is_described(name: str) -> None:
    space = SearchSpace.load(name)
    assert space.name == name
    assert space.description
    assert len(space.summary.splitlines()) == 1
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert all(space.sample(seed) in space for seed in range(20))
    if name not in LARGE:
        assert all(candidate in space for candidate in space.grid(points=2))


@pytest.mark.parametrize(("rule", "values", "hidden"), PUBLISHED)
def test_the_spaces_with_lstms_hold_every_published_setting(
    rule: str, values: dict[str, Any], hidden: int
) -> None:
    candidate = Candidate.from_dict(
        {
            "cell": {"name": "lstm"},
            "rule": {"name": rule, **values},
            "model": {"hidden_size": hidden},
            "training": {"optimizer": "rmsprop", "lr": 1e-3, "batch_size": 128, "clip": 1.0},
        }
    )
    assert candidate in SearchSpace.load("momentum_lstm")
    assert candidate in SearchSpace.load("everything")
    # Made for permuted pixels, not for speech.
    assert (candidate in SearchSpace.load("long_memory")) == (hidden != 158)


def test_optimizer_cells_is_five_rules_on_three_cells() -> None:
    space = SearchSpace.load("optimizer_cells")
    assert space.cells == ("rnn", "lstm", "gru")
    assert space.rules == ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
    assert space.domains["rnn.nonlinearity"].plain() == {"choices": ["tanh", "relu"]}


@pytest.mark.parametrize(
    "owner",
    [
        *map(registry.rules.get, registry.rules.names()),
        *map(registry.cells.get, registry.cells.names()),
        Model,
        Training,
    ],
    ids=lambda owner: str(owner.name),
)
def test_declared_search_ranges_can_be_written_in_a_space(owner: type[Any]) -> None:
    ranges: dict[str, Any] = {}
    for name, spec in specification(owner).items():
        if isinstance(spec, Choice) and len(spec.options) == 1:
            # A single value is said by itself.
            (ranges[name],) = spec.options
        elif isinstance(spec, Choice):
            ranges[name] = {"choices": list(spec.options)}
        else:
            ranges[name] = {"low": spec.low, "high": spec.high} | (
                {"log": True} if spec.log else {}
            )
    data: dict[str, Any] = {"cells": ["lstm"], "rules": ["gd"]}
    # All at once: some exist only beside others that they need.
    if owner in (Model, Training):
        data[owner.name] = ranges
    elif owner.name in registry.rules.names():
        data |= {"rules": [owner.name], "rule": {owner.name: ranges}}
    else:
        data |= {"cells": [owner.name], "cell": {owner.name: ranges}}
    space = SearchSpace.from_dict(data)
    for name, value in ranges.items():
        assert space.domains[f"{owner.name}.{name}"].plain() == value
