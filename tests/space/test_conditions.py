"""Feedback edges exist only where the network is deep enough for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from optcell_search.space import Candidate, ConvModel, SearchSpace, SpaceError, check_fit

FIXED = {
    "cells": ["conv_rnn"],
    "rules": ["gd"],
    "rule": {"gd": {"s": 1.0}},
    "cell": {
        "conv_rnn": {
            "input_filter": 3, "gate_filter": 3, "separable": False, "norm": False,
            "bypass": False, "residual": False, "gating": False, "nonlinearity": "tanh",
        }
    },
}  # fmt: skip
SMALL: dict[str, Any] = {
    "depth": {"low": 1, "high": 3},
    "feedback_2_1": {"choices": [0, 1]},
    "feedback_3_1": {"choices": [0, 3]},
}


class Trial:
    """Answers with the last of the choices, and remembers what it was asked."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(name)
        return choices[-1]

    def suggest_int(self, name: str, low: int, high: int, **how: Any) -> int:
        self.asked.append(name)
        return self.depth

    def suggest_float(self, name: str, low: float, high: float, **how: Any) -> float:
        raise AssertionError("nothing here is real")


@pytest.mark.parametrize(
    ("depth", "edges"),
    [(1, []), (2, ["feedback_2_1"]), (3, ["feedback_2_1", "feedback_3_1"])],
)
def test_a_trial_is_asked_for_the_edges_that_exist(depth: int, edges: list[str]) -> None:
    trial = Trial(depth)
    candidate = SearchSpace(**FIXED, model=SMALL).suggest(trial)
    assert trial.asked == ["model.depth", *(f"model.{edge}" for edge in edges)]
    there = {key.removeprefix("model.") for key in candidate.flat() if "feedback_" in key}
    assert there == {f"feedback_{j}_{i}" for j in range(2, depth + 1) for i in range(1, j)}


def test_size_and_grid_count_each_network_once() -> None:
    space = SearchSpace(**FIXED, model=SMALL)
    grid = space.grid(3)
    assert space.size == len(grid) == len(set(grid)) == 1 + 2 + 4
    assert all(candidate in space for candidate in grid)
    assert all(space.sample(seed) in grid for seed in range(20))
    assert {candidate.model.depth for candidate in space.grid(2)} == {1, 3}
    assert SearchSpace.from_dict(space.to_dict()) == space


def test_a_network_outside_is_not_in_the_space() -> None:
    space = SearchSpace(**FIXED, model=SMALL)
    data = space.grid(3)[-1].to_dict()
    data["model"]["feedback_3_1"] = 5
    assert Candidate.from_dict(data) not in space


def test_an_edge_without_its_stage_is_refused() -> None:
    data = {"cell": {"name": "conv_gru"}, "rule": {"name": "gd"}, "model": {"feedback_5_1": 3}}
    with pytest.raises(SpaceError) as caught:
        Candidate.from_dict(data)
    (fault,) = caught.value.faults
    assert fault == "candidate: model.feedback_5_1: 3 needs depth >= 5, and depth is 3; valid: 0"
    with pytest.raises(
        ValueError, match=r"model.feedback_5_1 = 3 needs model.depth >= 5, which is"
    ):
        ConvModel(feedback_5_1=3)


def test_one_switch_takes_all_edges_away() -> None:
    space = SearchSpace(**FIXED, model={**SMALL, "feedback": {"choices": [True, False]}})
    # With it as before; without it one network for each depth.
    assert space.size == len(set(space.grid(3))) == (1 + 2 + 4) + 3
    without = [one for one in space.grid(3) if not one.model.feedback]
    assert sorted(one.model.depth for one in without) == [1, 2, 3]
    assert not any("feedback_" in name for one in without for name in one.flat())
    assert all(Candidate.from_dict(one.to_dict()) == one for one in without)
    data = without[-1].to_dict()
    data["model"]["feedback_3_1"] = 3
    with pytest.raises(SpaceError, match=r"3 needs feedback = True, and feedback is False"):
        Candidate.from_dict(data)
    data["model"]["depth"] = 2
    with pytest.raises(SpaceError, match=r"needs depth >= 3 and feedback = True, and depth is 2"):
        Candidate.from_dict(data)


def test_half_of_the_shipped_networks_have_no_feedback() -> None:
    space = SearchSpace.load("conv_recurrent")
    drawn = [space.sample(seed).flat() for seed in range(200)]
    without = sum(not any(v for name, v in one.items() if "feedback_" in name) for one in drawn)
    assert 75 < without < 125


@dataclass
class Sizes:
    frame: tuple[int, int, int] | None
    input_size: int = 64
    output_size: int = 10
    readout: Literal["last", "every"] = "last"
    symbols: bool = False
    embedded: tuple[tuple[int, int], ...] = ()


def test_a_space_that_does_not_fit_the_task_is_refused() -> None:
    space = SearchSpace.load("conv_recurrent")
    check_fit(space, Sizes((1, 32, 32)))
    with pytest.raises(SpaceError) as caught:
        check_fit(space, Sizes((1, 8, 8)))
    assert caught.value.faults == (
        "search space 'conv_recurrent': model.depth: frames of 8 x 8 pixels cannot be halved 5 "
        "times, as depth = 6 needs; valid: depth <= 4, or sides divisible by 32",
    )
    with pytest.raises(
        SpaceError, match="cells: they work on images, and a step of the task is 64"
    ):
        check_fit(space, Sizes(None))
    check_fit(SearchSpace.load("smoke"), Sizes(None))


@pytest.mark.parametrize("bidirectional", [True, {"choices": [False, True]}])
def test_networks_that_read_ahead_are_refused_for_a_language_model(bidirectional: object) -> None:
    space = SearchSpace.from_dict(
        {"cells": ["gru"], "rules": ["gd"], "model": {"bidirectional": bidirectional}}
    )
    check_fit(space, Sizes(None))
    with pytest.raises(SpaceError, match=r"model\.bidirectional: a network that reads from both"):
        check_fit(space, Sizes(None, symbols=True))


@pytest.mark.parametrize(
    ("heads", "widths", "valid"),
    [
        (4, {"choices": [30, 32]}, "choices of 32, which every cell of the space can be"),
        (8, 30, "1, 2, or another hidden_size"),
        ({"choices": [1, 2]}, {"low": 16, "high": 64}, "choices of 16, 18, 20, 22, ..., 64, which"),
    ],
)
def test_widths_that_a_cell_cannot_have_are_refused(
    heads: object, widths: object, valid: str
) -> None:
    space = SearchSpace.from_dict(
        {
            "cells": ["lstm", "delta"],
            "rules": ["gd"],
            "cell": {"delta": {"heads": heads}},
            "model": {"hidden_size": widths},
        }
    )
    with pytest.raises(SpaceError) as caught:
        check_fit(space, Sizes(None))
    (fault,) = caught.value.faults
    assert "model.hidden_size: delta.heads = " in fault
    assert "do not divide hidden_size = " in fault
    assert f"; valid: {valid}" in fault


def test_the_shipped_spaces_hold_networks_that_can_be_built() -> None:
    for name in SearchSpace.names():
        space = SearchSpace.load(name)
        check_fit(space, Sizes((1, 64, 64)))


def test_a_space_is_of_one_kind_of_cells() -> None:
    with pytest.raises(SpaceError) as caught:
        SearchSpace(cells=["lstm", "conv_gru"], rules=["gd"])
    assert caught.value.faults == (
        "SearchSpace: cells: conv_gru work on images, the others do not; "
        "valid: cells of one of these kinds",
    )
    with pytest.raises(SpaceError, match=r"model.hidden_size: unknown .*; valid: depth, channels"):
        SearchSpace(cells=["conv_gru"], rules=["gd"], model={"hidden_size": 3})
    with pytest.raises(SpaceError, match=r"model.depth: unknown .*; valid: hidden_size"):
        SearchSpace(cells=["gru"], rules=["gd"], model={"depth": 3})


GRU: dict[str, Any] = {"cells": ["gru"], "rules": ["gd"], "rule": {"gd": {"s": 1.0}}}
DELTA: dict[str, Any] = {**GRU, "cells": ["delta"], "cell": {"delta": {"inner": "gd", "s": 1.0}}}


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (
            {**GRU, "model": {"residual": True}},
            "model.residual: needs model.num_layers >= 2, which no candidate of this space has; "
            "valid: to leave it out, or False",
        ),
        (
            {**GRU, "model": {"front_width": {"choices": [32, 64]}}},
            "front_width: needs model.front",
        ),
        (
            {**GRU, "training": {"schedule": "one_cycle", "warmup": 0.1}},
            "training.warmup: needs training.schedule = 'constant' or 'cosine', which no",
        ),
        (
            {**DELTA, "cell": {"delta": {"inner": "gd", "mu": 0.5}}},
            "cell.delta.mu: needs delta.i",
        ),
        (
            {**FIXED, "model": {"depth": 3, "feedback_5_2": 3}},
            "model.feedback_5_2: needs model.depth >= 5, which no candidate",
        ),
    ],
)
def test_what_no_candidate_has_is_refused_unless_a_program_wrote_it(
    space: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpaceError) as caught:
        SearchSpace(**space)
    assert said in str(caught.value)
    assert str(caught.value).startswith("SearchSpace: ")
    # A run of an earlier version holds such spaces.
    old = SearchSpace.from_dict(space, written=True)
    assert SearchSpace.from_dict(old.to_dict()) == old


def test_what_some_candidates_have_or_is_at_its_default_is_not() -> None:
    for model in (
        {"num_layers": {"low": 1, "high": 2}, "residual": True},
        {"front": {"choices": ["none", "serial"]}, "front_stride": {"low": 1, "high": 8}},
        {"front_width": 64, "residual": False},
    ):
        SearchSpace(**GRU, model=model)


def test_what_no_candidate_has_does_not_count() -> None:
    space = SearchSpace(**DELTA)
    written = {"mu": 0.6, "beta": 0.9, "eps": 1.0, "restart": 0}
    assert space.choices.endswith("2 hyperparameters searched, 8 candidates")
    assert space.size == len(space.grid(9)) == len({space.sample(seed).key for seed in range(99)})
    assert (
        SearchSpace(**{**DELTA, "cell": {"delta": {**DELTA["cell"]["delta"], **written}}}) == space
    )
    assert SearchSpace.from_dict(space.to_dict()) == space


@pytest.mark.parametrize("name", SearchSpace.names())
def test_what_a_candidate_has_is_a_space_of_it_alone(name: str) -> None:
    """It is what the page copies, and what `--try` reads."""
    space = SearchSpace.load(name)
    for seed in range(40):
        one = space.sample(seed)
        data: dict[str, Any] = {"cells": [one.cell], "rules": [one.rule]}
        kinds = {one.cell: "cell", one.rule: "rule", **dict.fromkeys(space.penalties, "penalty")}
        data["penalty"] = {penalty: {} for penalty in space.penalties}
        for dotted, value in one.flat().items():
            owner, _, option = dotted.rpartition(".")
            kind = kinds.get(owner)
            table = data.setdefault(kind, {}).setdefault(owner, {}) if kind else None
            if owner:
                (data.setdefault(owner, {}) if table is None else table)[option] = value
        alone = SearchSpace.from_dict(data)
        assert alone.size == 1
        assert alone.sample() == one
