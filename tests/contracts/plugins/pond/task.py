"""The level of ponds that rain fills and the sun empties."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from optcell_search.hyperparameters import integer
from optcell_search.tasks import Data, ScaledRegression, Split, Task


@dataclass(frozen=True, kw_only=True)
class Ponds(Task):
    """The level of a pond at each hour from its inflow."""

    name: ClassVar[str] = "ponds"
    title: ClassVar[str] = "level of a pond from its inflow (generated)"

    examples: int = integer(40, search=(10, 100), valid=(10, 10**6))

    def search_data(self, folder: Path) -> Data:
        return Data(
            train=self._draw(0, self.examples),
            validation=self._draw(1, 10),
            goal=ScaledRegression(values=1, offset=0.0, scale=1.0),
            readout="every",
        )

    def test_data(self, folder: Path) -> Split:
        return self._draw(2, 10)

    def _draw(self, seed: int, count: int) -> Split:
        inflow = torch.rand(count, 12, generator=torch.Generator().manual_seed(seed)) - 0.4
        level = inflow.cumsum(1).unsqueeze(-1)
        return Split(inflow.unsqueeze(-1), level, drivers={"inflow": inflow})
