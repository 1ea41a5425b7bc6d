"""The spaces of the orthogonal, HiPPO and reservoir cells hold what their papers used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from optcell_search import registry
from optcell_search.space import Candidate, SearchSpace

ORTHOGONAL_RULES = {
    "gd": {"s": 1.0},
    "heavy_ball": {"mu": 0.3, "s": 0.3},
    "adam": {"mu": 0.3, "s": 0.3, "beta": 0.8},
    "rmsprop": {"s": 0.3, "beta": 0.9},
    "nesterov": {"s": 0.3, "restart": 2},
}
SPACES = ("orthogonal", "hippo", "reservoir", "long_memory", "everything")


def candidate(cell: dict[str, Any], rule: dict[str, Any], **rest: Any) -> Candidate:
    return Candidate.from_dict({"cell": cell, "rule": rule, **rest})


@pytest.mark.parametrize("space", ["orthogonal", "long_memory", "everything"])
@pytest.mark.parametrize("rule", ORTHOGONAL_RULES)
@pytest.mark.parametrize("rebase", [0, 1, 100])
def test_published_settings_of_orthogonal_cells(space: str, rule: str, rebase: int) -> None:
    published = candidate(
        {"name": "orthogonal", "rebase": rebase, "rate": 0.1},
        {"name": rule, **ORTHOGONAL_RULES[rule]},
        model={"hidden_size": 512},
        training={"optimizer": "rmsprop", "lr": 1e-3, "batch_size": 128},
    )
    assert published in SearchSpace.load(space)


@pytest.mark.parametrize(
    ("space", "measure", "order"),
    [
        *((name, "legs", order) for name in ("hippo", "long_memory") for order in (64, 256, 512)),
        *(("hippo", measure, 512) for measure in ("legt", "lagt")),
        ("long_memory", "legt", 512),
        ("everything", "legs", 512),
    ],
)
def test_the_recipe_of_hippo_for_permuted_pixels(space: str, measure: str, order: int) -> None:
    published = candidate(
        {"name": "hippo", "measure": measure, "order": order, "timescale": 784.0},
        {"name": "gd", "s": 1.0},
        model={"hidden_size": 512},
        training={"optimizer": "adam", "lr": 1e-3, "batch_size": 100},
    )
    assert published in SearchSpace.load(space)


def test_everything_is_every_cell_over_vectors_and_every_rule_but_their_mixture() -> None:
    space = SearchSpace.load("everything")
    assert set(space.cells) == set(registry.cells.names())
    assert {*space.rules, "mixture"} == set(registry.rules.names())


@pytest.mark.parametrize("name", SPACES)
def test_candidates_of_a_space_build_and_answer(name: str) -> None:
    sizes: Any = SimpleNamespace(
        input_size=3, output_size=4, readout="last", frame=None, symbols=False
    )
    space = SearchSpace.load(name)
    with torch.no_grad():
        for seed in range(3):
            model = space.sample(seed).build(sizes)
            assert model(torch.randn(2, 3, 3)).shape == (2, 4)
