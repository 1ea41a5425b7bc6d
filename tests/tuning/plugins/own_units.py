"""A task of another package whose targets have a unit, or words, of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from optcell_search.hyperparameters import choice
from optcell_search.tasks import (
    Classification,
    Data,
    Forecasting,
    Goal,
    Labels,
    Regression,
    ScaledRegression,
    Split,
    Task,
)

_SERIES = {"offset": (300.0, -2.0), "scale": (50.0, 0.1), "naive_error": (4.0, 0.01)}
GOALS: dict[str, Goal] = {
    "regression": Regression(values=2, offset=(1000.0, -5.0), scale=(25.0, 0.5), names=("q", "h")),
    "one_scale": Regression(values=2, offset=(40.0,), scale=(3.0,)),
    "scaled": ScaledRegression(values=2, offset=7.0, scale=2.0),
    "forecast": Forecasting(values=3, names=("load", "heat"), **_SERIES),
    "quantiles": Forecasting(values=1, quantiles=(0.1, 0.5), **_SERIES),
    "labels": Labels(names=("wet", "cold")),
    "classes": Classification(classes=3),
}


@dataclass(frozen=True, kw_only=True)
class OwnUnits(Task):
    """Numbers, labels or classes of noise; there is nothing to learn."""

    name: ClassVar[str] = "own_units"
    title: ClassVar[str] = "noise in a unit of its own"

    kind: str = choice("regression", options=tuple(GOALS))

    def search_data(self, folder: Path) -> Data:
        return Data(
            train=self._draw(0), validation=self._draw(1), goal=GOALS[self.kind], readout="last"
        )

    def test_data(self, folder: Path) -> Split:
        return self._draw(2)

    def _draw(self, seed: int) -> Split:
        random = torch.Generator().manual_seed(seed)
        x, goal = torch.randn(20, 4, 2, generator=random), GOALS[self.kind]
        if isinstance(goal, Classification):
            return Split(x, torch.randint(goal.classes, (20,), generator=random))
        values = goal.output_size // len(getattr(goal, "quantiles", ()) or (0,))
        noise = torch.randn(20, values, generator=random)
        return Split(x, (noise > 0).float() if isinstance(goal, Labels) else 100 * noise)
