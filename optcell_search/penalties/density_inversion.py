"""Gravity: water that is denser than the water below it would sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import real
from . import water
from .base import Drivers, Penalty


@dataclass(frozen=True, kw_only=True)
class DensityInversion(Penalty):
    """Denser water above lighter water, summed over a profile.

        violation of a profile = Σ_d relu(ρ(T_d) − ρ(T_{d+1}) − tolerance)         [kg/m³]

    Predictions are temperatures (sequences, days, depths) in °C, the surface first; drivers:
    ``area`` (sequences, depths), only as a sign that the predictions are profiles of a lake.
    Days under ice count as well.

    Source: Karpatne et al. 2017, arXiv 1710.11431, equation 3.10; the tolerance is ours.
    """

    name: ClassVar[str] = "density_inversion"
    title: ClassVar[str] = "denser water above lighter water"
    unit: ClassVar[str] = "kg/m³"
    citation: ClassVar[str] = "Karpatne et al. 2017, arXiv 1710.11431"
    needs: ClassVar[tuple[str, ...]] = ("area",)

    tolerance: float = real(
        1e-3,
        search=(1e-3, 1e-3),
        valid=(0.0, 10.0),
        learnable=False,
        doc="difference of density between neighbours that is not held against them, kg/m³",
    )

    def violations(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        """Return the inversion of each profile, (sequences, days), in kg/m³."""
        excess = water.density_excess(predictions)
        return torch.relu(-excess.diff(dim=-1) - self.tolerance).sum(-1)
