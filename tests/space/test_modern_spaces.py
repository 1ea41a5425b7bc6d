"""The spaces of linear cells and of rules inside: what exists where, and that all of it runs."""

from __future__ import annotations

import pytest
import torch

from optcell_search import OptCell, registry
from optcell_search.space import Candidate, SearchSpace

NEEDS = {
    "mu": {"heavy_ball", "adam"},
    "beta": {"adam", "rmsprop"},
    "eps": {"adam", "rmsprop"},
    "restart": {"nesterov"},
}


@pytest.mark.parametrize("name", ["modern", "inside_outside"])
def test_every_candidate_gives_a_finite_loss(name: str) -> None:
    space = SearchSpace.load(name)
    for seed in range(12):
        candidate = space.sample(seed=seed)
        assert candidate in space
        torch.manual_seed(0)
        model = candidate.build("adding:length=20,examples=100")
        model(torch.randn(3, 20, 2)).square().sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_every_memory_of_everything_can_run() -> None:
    space = SearchSpace.load("everything")
    memories = [one for one in map(space.sample, range(400)) if one.cell == "delta"]
    assert len(memories) > 20
    for candidate in memories:
        cell = registry.cells.get("delta")(**dict(candidate.cell_options))
        module = OptCell(2, 8, cell=cell, rule="gd")
        assert module(torch.zeros(1, 1, 2))[0].isfinite().all(), candidate.flat()


def test_layers_of_modern_candidates_may_be_residual_blocks() -> None:
    space = SearchSpace.load("modern")
    found = [space.sample(seed=seed).flat() for seed in range(60)]
    blocks = [values for values in found if values.get("model.residual")]
    assert all(values["model.num_layers"] >= 2 for values in blocks)
    assert {values["cell"] for values in blocks} == set(space.cells)
    assert {values["model.norm"] for values in blocks} == {"none", "layer"}


def test_an_inner_value_exists_where_the_inner_rule_has_it() -> None:
    space = SearchSpace.load("inside_outside")
    inner = set()
    for seed in range(60):
        values = space.sample(seed=seed).flat()
        inner.add(values["delta.inner"])
        for key, rules in NEEDS.items():
            assert (f"delta.{key}" in values) == (values["delta.inner"] in rules)
    assert len(inner) == 5


def test_a_value_of_another_inner_rule_is_refused_in_one_line() -> None:
    data = SearchSpace.load("inside_outside").sample(seed=0).to_dict()
    data["cell"] = {"name": "delta", "inner": "gd", "mu": 0.1}
    with pytest.raises(
        ValueError,
        match=r"cell.mu: 0.1 needs inner = 'heavy_ball' or 'adam', and inner is 'gd'; valid: 0.6",
    ):
        Candidate.from_dict(data)


def test_a_grid_leaves_out_what_does_not_exist() -> None:
    text = {
        "cells": ["delta"],
        "rules": ["gd"],
        "cell": {
            "delta": {
                "heads": 2, "gate": False, "s": 1.0, "beta": 0.9, "eps": 1.0, "restart": 0,
                "inner": {"choices": ["gd", "heavy_ball"]}, "mu": {"choices": [0.1, 0.2, 0.3]},
            }
        },
        "rule": {"gd": {"s": 1.0}},
        "model": {"hidden_size": 8, "num_layers": 1, "dropout": 0.0, "bidirectional": False},
        "training": {"optimizer": "adam", "lr": 1e-3, "batch_size": 32},
    }  # fmt: skip
    space = SearchSpace.from_dict(text)
    found = {(c.flat()["delta.inner"], c.flat().get("delta.mu")) for c in space.grid(points=3)}
    assert found == {("gd", None), ("heavy_ball", 0.1), ("heavy_ball", 0.2), ("heavy_ball", 0.3)}


def test_what_a_run_holds_of_an_oscillator_reads_back_whatever_it_says_beside() -> None:
    """Where nothing is damped `r_min` says nothing, and runs hold it all the same."""
    stored = {"name": "oscillator", "discretisation": "implicit", "r_min": 0.99, "max_phase": 1.0}
    candidate = Candidate.from_dict({"cell": stored, "rule": {"name": "gd"}})
    assert candidate.to_dict()["cell"]["r_min"] == 0.99
