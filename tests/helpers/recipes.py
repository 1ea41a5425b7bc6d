"""A small candidate with a recipe of training, trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training


def candidate(model: dict[str, Any] | None = None, **training: Any) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 8, **(model or {})},
            "training": {"batch_size": 50, "lr": 0.02, **training},
        }
    )


def trained(chosen: Candidate, task: LoadedTask, epochs: int) -> tuple[Training, list[Any]]:
    training = Training(chosen, task, seed=0, epochs=epochs)
    return training, [training.epoch() for _ in range(epochs)]


def weights_of(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)
