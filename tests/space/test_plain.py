"""The plain cells of a space: which they are, and when there are none."""

from __future__ import annotations

import math
from typing import Any

import pytest

from optcell_search.space import Candidate, SearchSpace, is_plain

SPACE: dict[str, Any] = {
    "cells": ["rnn", "gru"],
    "rules": ["gd", "heavy_ball"],
    "rule": {"gd": {"s": {"low": 0.5, "high": 2.0}}},
    "model": {"hidden_size": {"choices": [16, 32]}, "dropout": {"low": 0.0, "high": 0.5}},
    "training": {
        "lr": {"low": 1e-4, "high": 1e-1, "log": True},
        "batch_size": {"low": 8, "high": 64, "log": True},
        "weights": {"choices": ["best", "last"]},
    },
}


@pytest.mark.parametrize("name", SearchSpace.names())
def test_each_cell_of_a_shipped_space_has_one_and_the_space_holds_it(name: str) -> None:
    space = SearchSpace.load(name)
    found = space.plain()
    assert [one.cell for one in found] == list(space.cells)
    assert all(one in space and is_plain(one) for one in found)


def test_what_is_searched_is_at_its_default_or_in_the_middle() -> None:
    rnn, gru = SearchSpace.from_dict(SPACE).plain()
    assert (rnn.cell, gru.cell) == ("rnn", "gru")
    values = rnn.flat()
    assert values["gd.s"] == 1.0
    # A default inside the range, and one among the choices.
    assert (values["training.lr"], values["training.weights"]) == (1e-3, "last")
    # One that is no choice, one at the end of its range, and one outside of it.
    assert values["model.hidden_size"] == 16
    assert values["model.dropout"] == 0.25
    assert values["training.batch_size"] == 23


@pytest.mark.parametrize(
    "change",
    [
        {"rules": ["heavy_ball"], "rule": {}},
        {"rule": {"gd": {"s": 0.5}}},
        {"rule": {"gd": {"s": {"low": 0.1, "high": 0.9}}}},
        {"model": {"learn_rule": True}},
        {"training": {"share": {"choices": [0.25, 0.5]}}},
    ],
)
def test_a_space_that_does_not_hold_them_has_none(change: dict[str, Any]) -> None:
    assert SearchSpace.from_dict({**SPACE, **change}).plain() == []


def test_another_step_or_a_learned_one_is_not_plain() -> None:
    plain = {"cell": {"name": "rnn"}, "rule": {"name": "gd", "s": 1.0}}
    assert is_plain(Candidate.from_dict(plain))
    assert not is_plain(Candidate.from_dict({**plain, "training": {"share": 0.5}}))
    assert not is_plain(Candidate.from_dict({**plain, "rule": {"name": "gd", "s": 0.9}}))
    assert not is_plain(Candidate.from_dict({**plain, "model": {"learn_rule": True}}))
    assert not is_plain(Candidate.from_dict({**plain, "rule": {"name": "heavy_ball", "s": 1.0}}))


def test_a_plain_cell_takes_all_the_epochs() -> None:
    shares = {**SPACE, "training": {"share": {"low": 0.1, "high": 1.0}}}
    space = SearchSpace.from_dict(shares)
    assert [one.training.share for one in space.plain()] == [1.0, 1.0]
    assert all(map(is_plain, space.plain()))
    assert space.typical("gru", "heavy_ball").training.share == 1.0


def test_the_rule_inside_a_memory_is_plain_where_the_space_has_that() -> None:
    def found(**inside: Any) -> tuple[Any, ...]:
        memory = {**SPACE, "cells": ["delta"], "cell": {"delta": inside}}
        (one,) = SearchSpace.from_dict(memory).plain()
        return tuple(one.flat().get(f"delta.{name}") for name in ("inner", "s"))

    any_rule = {"choices": ["adam", "gd"]}
    # At the end of its range, and where neither a rule nor a step that is plain is left open.
    assert found(inner=any_rule, s={"low": 0.25, "high": 1.0}) == ("gd", 1.0)
    assert found(inner=any_rule, s=0.5) == ("gd", 0.5)
    assert found(inner="adam", s=0.5) == ("adam", 0.5)


def test_another_rule_inside_a_memory_is_not_plain() -> None:
    rule = {"name": "gd", "s": 1.0}

    def inside(**options: Any) -> Candidate:
        return Candidate.from_dict({"cell": {"name": "delta", **options}, "rule": rule})

    assert is_plain(inside())
    assert is_plain(inside(inner="gd", s=1.0))
    assert not is_plain(inside(inner="heavy_ball", s=1.0))
    assert not is_plain(inside(inner="adam"))
    assert not is_plain(inside(inner="gd", s=0.5))


def test_a_plain_cell_is_as_published_at_the_ends_of_ranges_too() -> None:
    plain = {one.cell: one.flat() for one in SearchSpace.load("everything").plain()}
    assert plain["lru"]["lru.max_phase"] == pytest.approx(2 * math.pi)
    assert plain["oscillator"]["oscillator.max_phase"] == pytest.approx(math.pi)
    assert plain["hippo"]["hippo.memory_size"] == 1
