"""Small search spaces."""

from __future__ import annotations

from typing import Any

import pytest

from optcell_search.space import SearchSpace

DISCRETE = SearchSpace(
    cells=["rnn", "lstm"],
    rules=["gd", "heavy_ball"],
    cell={"rnn": {"nonlinearity": {"choices": ["relu", "tanh"]}}},
    rule={
        "gd": {"s": 1},
        "heavy_ball": {"mu": {"choices": [0, 0.3, 0.9]}, "s": {"low": 0.1, "high": 1, "step": 0.1}},
    },
    model={"hidden_size": {"low": 8, "high": 32, "step": 8}, "num_layers": 2},
)


MIXED = SearchSpace(
    name="mixed",
    description="a bit of everything",
    cells=["rnn", "gru"],
    rules=["gd", "nesterov", "adam"],
    rule={"nesterov": {"restart": {"low": 1, "high": 64, "log": True}}},
    model={"dropout": {"low": 0, "high": 0.5, "step": 0.25}, "learn_rule": {"choices": [False]}},
    training={"lr": {"low": 1e-4, "high": 1e-2, "log": True}, "optimizer": "adam"},
)


SPACES = {"discrete": DISCRETE, "mixed": MIXED}


every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def lstm_space(**tables: Any) -> SearchSpace:
    tables = {"rule": {"gd": {"s": 1}}, **tables}
    return SearchSpace(cells=["lstm"], rules=["gd"], **tables)
