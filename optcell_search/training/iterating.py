"""A training as an iterator over its epochs."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training.trainer import Training


def train(
    candidate: Candidate,
    task: LoadedTask,
    *,
    epochs: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Iterator[dict[str, float]]:
    """Train for some epochs, giving after each what `Training.epoch` returns.

    Raises:
        ValueError: `epochs` is below 1.
        DivergedError: while iterating; see `Training.epoch`.
    """
    if epochs < 1:
        raise ValueError(f"epochs = {epochs} is out of range; valid: integers >= 1")
    training = Training(candidate, task, seed=seed, device=device, epochs=epochs)
    return (training.epoch() for _ in range(epochs))
