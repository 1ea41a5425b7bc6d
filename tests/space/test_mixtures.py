"""Mixtures of a space's rules, and what is read off them: inside the space, by strength."""

from __future__ import annotations

import time
from typing import Any

import pytest

from optcell_search.space import SearchSpace, is_mixture, mixtures, read_off
from optcell_search.space.domains import Choices, Domain, Fixed, Integers, Reals, closest

SPACE: dict[str, Any] = {
    "cells": ["rnn", "gru"],
    "rules": ["gd", "heavy_ball", "adam", "rmsprop"],
    "rule": {
        "gd": {"s": 1.0},
        "heavy_ball": {
            "mu": {"low": 0.0, "high": 0.5},
            "s": {"low": 0.1, "high": 1.0, "step": 0.1},
        },
        "adam": {"mu": {"choices": [0.2, 0.9]}, "s": {"low": 0.3, "high": 2.0, "log": True}},
    },
    "model": {"hidden_size": {"choices": [4, 8]}},
}
TOLD = {
    "without": {"gd": 1.0, "heavy_ball": 1.5, "adam": 0.5, "rmsprop": 1.2},
    "weights": {"gd": 0.9, "heavy_ball": 0.01, "adam": 0.05, "rmsprop": 0.04},
    "values": {
        "gd_s": 0.4, "heavy_ball_mu": 0.8, "heavy_ball_s": 0.5712, "adam_mu": 0.5, "adam_s": 0.7,
        "adam_beta": 0.25, "rmsprop_s": 5.0, "rmsprop_beta": 0.0,
    },
}  # fmt: skip


def test_there_is_a_mixture_for_each_cell_that_is_learned_from_the_defaults_of_the_space() -> None:
    space = SearchSpace.from_dict(SPACE)
    made = mixtures(space)
    assert [candidate.cell for candidate in made] == ["rnn", "gru"]
    for candidate, plain in zip(made, space.plain(), strict=True):
        assert is_mixture(candidate)
        options = dict(candidate.rule_options)
        takes_part = [name for name in ("gd", "heavy_ball", "nesterov", "adam") if options[name]]
        assert takes_part == ["gd", "heavy_ball", "adam"]
        assert (options["heavy_ball_mu"], options["adam_mu"]) == (0.25, 0.2)
        assert candidate.model.learn_rule
        assert candidate.training == plain.training
        assert {**candidate.model.values(), "learn_rule": False} == plain.model.values()


def test_what_is_read_off_is_in_the_space_the_strongest_rule_first() -> None:
    space = SearchSpace.from_dict(SPACE)
    mixture = mixtures(space)[1]
    found = read_off(space, mixture, TOLD)
    # By what is lost without them; by their weights it would be another order.
    assert [candidate.rule for candidate in found] == ["heavy_ball", "rmsprop", "gd", "adam"]
    assert all(candidate in space and candidate.cell == "gru" for candidate in found)
    values = {candidate.rule: dict(candidate.rule_options) for candidate in found}
    # A range ends, a step is met, a choice is the nearest, and what is fixed stays.
    assert values["heavy_ball"] == {"mu": 0.5, "s": 0.6}
    assert values["gd"] == {"s": 1.0}
    assert (values["adam"]["mu"], values["adam"]["s"], values["adam"]["beta"]) == (0.2, 0.7, 0.25)
    assert (values["rmsprop"]["s"], values["rmsprop"]["beta"]) == (2.0, 0.01)
    # The plain cell, as nothing of gd is left open.
    assert found[2] == space.plain()[1]


@pytest.mark.parametrize("rules", [["adam"], ["mixture", "gd"]])
def test_a_space_of_one_such_rule_has_no_mixture(rules: list[str]) -> None:
    space = SearchSpace(cells=["rnn"], rules=rules)
    with pytest.raises(ValueError, match=r"two rules or more of gd, heavy_ball, .*; the space has"):
        mixtures(space)


def test_a_mixture_of_one_rule_is_none() -> None:
    one = {"mixture": dict.fromkeys(("gd", "heavy_ball", "nesterov", "adam"), False)}
    assert not is_mixture(SearchSpace(cells=["rnn"], rules=["mixture"], rule=one).sample())
    assert is_mixture(SearchSpace(cells=["rnn"], rules=["mixture"]).sample())


def test_what_is_mixed_outside_a_memory_has_the_plain_rule_inside() -> None:
    space = SearchSpace.load("inside_outside")
    (mixed,) = mixtures(space)
    assert (mixed.flat()["delta.inner"], mixed.flat()["delta.s"]) == ("gd", 1.0)


@pytest.mark.parametrize(
    "domain",
    [
        Fixed(0.5),
        Choices((0.25, 0.5, 2.0)),
        Reals(0.1, 1.3, step=0.3),
        Reals(-1.0, 1.0, step=0.5),
        Integers(1, 9),
        Integers(2, 11, step=3),
        Integers(1, 6, log=True),
    ],
)
def test_the_closest_of_a_domain_is_that_of_all_its_values(domain: Domain) -> None:
    grid = domain.grid(domain.size or 1)
    for value in [k / 16 for k in range(-40, 200)]:
        found = closest(domain, value)
        assert found == min(grid, key=lambda one: abs(float(one) - value))
        assert type(found) is type(grid[0])


def test_the_closest_of_ten_million_steps_is_found_at_once() -> None:
    begun = time.process_time()
    assert closest(Reals(0.0, 1.0, step=1e-7), 0.12345678) == 0.1234568
    assert time.process_time() - begun < 1
