"""Penalties in a search space: tables of their own, and nothing where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from optcell_search.space import Candidate, SearchSpace, SpaceError

LAW: dict[str, Any] = {"weight": {"low": 0.01, "high": 1.0, "log": True}}


def space(**penalty: Any) -> SearchSpace:
    return SearchSpace(cells=["lstm"], rules=["gd"], penalty=penalty)


def test_a_table_gives_every_candidate_the_term_and_searches_its_weight() -> None:
    found = space(energy_imbalance=LAW, density_inversion={})
    assert found.penalties == ("density_inversion", "energy_imbalance")
    for seed in range(20):
        candidate = found.sample(seed)
        names = dict(candidate.penalties)
        assert set(names) == set(found.penalties)
        assert 0.01 <= dict(names["energy_imbalance"])["weight"] <= 1.0
        assert candidate in found
        assert Candidate.from_dict(candidate.to_dict()) == candidate
        assert candidate.flat()["energy_imbalance.tolerance"] == 24.0
    assert SearchSpace.from_dict(found.to_dict()) == found
    assert found.sample(0) not in space(energy_imbalance=LAW)
    assert len(found.grid(points=2)) == 2**3  # the weights, and s of gradient descent


def test_candidates_without_objectives_are_as_they_were() -> None:
    plain = SearchSpace(cells=["lstm"], rules=["gd"])
    assert plain.penalties == ()
    assert "penalty" not in plain.sample(0).to_dict()
    assert "penalty" not in plain.to_dict()
    assert space(energy_imbalance={"weight": 0.0}).sample(0).key != plain.sample(0).key


@pytest.mark.parametrize(
    ("penalty", "complaint"),
    [
        ({"energy": {}}, "penalty.energy: unknown penalty 'energy'"),
        (
            {"energy_imbalance": {"lambda": 1}},
            "unknown hyperparameter 'lambda'; valid: weight, tol",
        ),
        (
            {"energy_imbalance": {"weight": -0.5}},
            "weight = -0.5 is out of range; valid: 0 <= value",
        ),
        ({"energy_imbalance": 3}, "penalty.energy_imbalance: 3 is not a table"),
        (
            {"energy_imbalance": {"weight": {"low": 0, "high": 1, "log": True}}},
            "log = true with low = 0",
        ),
    ],
)
def test_a_fault_is_named_with_its_key(penalty: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpaceError) as caught:
        space(**penalty)
    assert complaint in str(caught.value)
    with pytest.raises(SpaceError):
        Candidate.from_dict({"cell": {"name": "lstm"}, "rule": {"name": "gd"}, "penalty": penalty})


def test_the_shipped_space_weighs_both_laws_and_the_process_model() -> None:
    shipped = SearchSpace.load("physics_guided")
    assert shipped.penalties == ("density_inversion", "energy_imbalance")
    lengths = {shipped.sample(seed).training.pretrain_epochs for seed in range(40)}
    assert lengths == {0, 20, 40, 60, 80}
