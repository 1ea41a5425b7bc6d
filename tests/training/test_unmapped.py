"""A cell that cannot be mapped over is trained alone, and its errors are its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from optcell_search.cells.memory.hippo import HiPPO
from optcell_search.space import Candidate
from optcell_search.testing.side_by_side import largest_gap, noise_task
from optcell_search.training import Population, Training


def candidates(**model: Any) -> list[Candidate]:
    return [
        Candidate.from_dict(
            {
                "cell": {"name": "hippo"},
                "rule": {"name": rule},
                "model": {"hidden_size": 6, **model},
            }
            | {"training": {"batch_size": 10}}
        )
        for rule in ("gd", "nesterov")
    ]


def filled(each: list[Candidate]) -> Population:
    population = Population(len(each))
    for seed, one in enumerate(each):
        population.add(Training(one, noise_task(), seed=seed))
    return population


@pytest.mark.parametrize("raised", [ValueError, TypeError])
def test_a_cell_that_raises_where_it_is_mapped_is_trained_alone(
    monkeypatch: pytest.MonkeyPatch, raised: type[Exception]
) -> None:
    original = HiPPO.step

    def step(self: HiPPO, weights: Any, u: torch.Tensor, hidden: Any) -> Any:
        if torch._C._functorch.is_batchedtensor(u):  # type: ignore[attr-defined]
            raise raised("not where it is mapped")
        return original(self, weights, u, hidden)

    monkeypatch.setattr(HiPPO, "loop", None)
    monkeypatch.setattr(HiPPO, "step", step)
    gap, population = largest_gap(candidates(), [noise_task()] * 2, epochs=1)
    assert gap == 0
    assert population.reasons["gd"] == "torch.func.vmap: not where it is mapped"
    assert population.companies == [1, 1]


def test_a_cell_that_draws_for_itself_is_trained_alone_and_draws_from_its_own_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = HiPPO.step

    def step(self: HiPPO, weights: Any, u: torch.Tensor, hidden: Any) -> Any:
        return original(self, weights, u * (torch.rand_like(u) > 0.2), hidden)

    monkeypatch.setattr(HiPPO, "loop", None)
    monkeypatch.setattr(HiPPO, "step", step)
    trained = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        population = filled(candidates(dropout=0.3, num_layers=2))
        outcomes = [one for _ in range(2) for one in population.epoch()]
        trained.append([one["train_loss"] for one in outcomes if isinstance(one, dict)])
    assert len(trained[0]) == 4
    assert trained[0] == trained[1]
    assert "random" in population.reasons["gd"]


def test_what_a_cell_does_wrong_is_raised_side_by_side_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def step(*_: Any) -> Any:
        raise KeyError("broken on purpose")

    population = filled(candidates())
    monkeypatch.setattr(HiPPO, "loop", None)
    monkeypatch.setattr(HiPPO, "step", step)
    with pytest.raises(KeyError, match="broken on purpose"):
        population.epoch()
