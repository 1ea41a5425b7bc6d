"""The water balance of a pond."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from optcell_search.penalties import Penalty


@dataclass(frozen=True, kw_only=True)
class PondBalance(Penalty):
    """Water in a pond changes by what flows in: |Δ level − inflow| beyond 1 cm."""

    name: ClassVar[str] = "pond_balance"
    title: ClassVar[str] = "water that a pond gains beside its inflow"
    unit: ClassVar[str] = "m"
    needs: ClassVar[tuple[str, ...]] = ("inflow",)

    def violations(self, predictions: Tensor, drivers: Mapping[str, Tensor]) -> Tensor:
        gap = predictions[..., 0].diff(dim=1) - drivers["inflow"][:, 1:]
        return torch.relu(gap.abs() - 0.01)
