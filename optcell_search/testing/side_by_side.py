"""That candidates trained side by side are what each of them is alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .. import registry
from ..space import Candidate
from ..tasks import LoadedTask, Split
from ..tasks.adding import Adding
from ..tasks.base import Data
from ..tasks.goals import Regression
from ..training import TIMED, DivergedError, Training
from ..training.population import Population

_OPTIMIZERS = ("rmsprop", "adam", "adamw")
_SCHEDULES = ("constant", "cosine", "one_cycle")


@contextmanager
def in_double() -> Iterator[None]:
    """Let new tensors be float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def noise_task(
    features: int = 3, frame: tuple[int, int, int] | None = None, sequences: int = 40
) -> LoadedTask:
    """Return a task of noise in the default dtype: five steps, one number to predict."""

    def split(count: int, seed: int) -> Split:
        random = torch.Generator().manual_seed(seed)
        x = torch.randn(count, 5, features, generator=random)
        return Split(x, x.sum((1, 2)).unsqueeze(1) / 4)

    data = Data(
        train=split(sequences, 0),
        validation=split(8, 1),
        goal=Regression(values=1),
        readout="last",
        frame=frame,
    )
    return LoadedTask(Adding(), Path(), data=data)


def every_rule(cell: str, options: Mapping[str, Any], model: Mapping[str, Any]) -> list[Candidate]:
    """Return a candidate of a cell for every registered rule, each trained in a way of its own."""
    return [
        Candidate.from_dict(
            {
                "cell": {"name": cell, **options},
                "rule": {"name": rule},
                "model": model,
                "training": {
                    "optimizer": "adam",
                    "batch_size": 4,
                    "lr": 1e-3 * (1 + i),
                    "weight_decay": 0.01 * (i % 2),
                    "clip": (0.0, 0.5, 2.0)[i % 3],
                    "schedule": _SCHEDULES[i % 3],
                },
            }
        )
        for i, rule in enumerate(registry.rules.names())
    ]


def largest_gap(
    candidates: Sequence[Candidate], tasks: Sequence[LoadedTask], epochs: int
) -> tuple[float, Population]:
    """Return the largest relative difference of a loss in any epoch, and the population.

    All other metrics are held to a thousand times that.

    Args:
        candidates: of one form.
        tasks: one for each.
        epochs: for how many they are trained alone, and side by side.
    """

    def trainings() -> list[Training]:
        return [
            Training(candidate, task, seed=seed, epochs=epochs)
            for seed, (candidate, task) in enumerate(zip(candidates, tasks, strict=True))
        ]

    alone, together = trainings(), Population(len(candidates))
    for training in trainings():
        together.add(training)
    gap = 0.0
    for _ in range(epochs):
        for training, found in zip(alone, together.epoch(), strict=True):
            if isinstance(found, DivergedError):
                raise found
            expected = training.epoch()
            assert expected.keys() == found.keys()
            for name, value in expected.items():
                if name not in TIMED:
                    least = 1.0 if name in ("loss", "train_loss") else 1e-3
                    gap = max(gap, least * abs(found[name] - value) / max(abs(value), 1e-12))
    return gap, together
