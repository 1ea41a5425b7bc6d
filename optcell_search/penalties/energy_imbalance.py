"""Energy is conserved: a lake's heat changes by what comes through its surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import real
from . import water
from .base import Drivers, Penalty


@dataclass(frozen=True, kw_only=True)
class EnergyImbalance(Penalty):
    """Imbalance between a lake's heat and the fluxes at its surface, beyond a tolerance.

        E_t = c_w Σ_d A_d Δz_d ρ(T_td) T_td                                        [J]
        ΔE_t = (E_t − E_{t−1}) / (86400 s · A_0)                                   [W/m²]
        F_t = 0.93 SW_t + 0.97 LW_t − 0.985 σ T_s⁴ + sensible + latent             [W/m²]
        violation of a sequence = relu(mean over ice-free days |ΔE_t − F_t| − tolerance)

    T_s is the mean of the surface temperatures at the end of day t−1 and of day t, as the fluxes
    act between the two. A day counts where both are free of ice; a sequence without such a day is
    left out.

    Predictions are temperatures (sequences, days, depths) in °C at the end of each day, the
    surface first. Drivers: ``short_wave``, ``long_wave`` (W/m², downward), ``air_temperature``
    (°C), ``relative_humidity`` (%), ``wind_speed`` (m/s at 10 m), ``ice_free`` (1 or 0), each
    (sequences, days), means of the day; ``area`` (m²) and ``thickness`` (m) of the layer of water
    that each depth stands for, (sequences, depths).

    The tolerance covers what F leaves out: rain, ground water, the heat of the sediment.

    Source: Jia et al. 2019, arXiv 1810.13075, section 3.3; tolerance as in the authors' code.
    Departure: the correct vapour pressure, see `water.saturation_vapour_pressure`.
    """

    name: ClassVar[str] = "energy_imbalance"
    title: ClassVar[str] = "imbalance of a lake's heat and its surface fluxes beyond a tolerance"
    unit: ClassVar[str] = "W/m²"
    citation: ClassVar[str] = "Jia et al. 2019, arXiv 1810.13075"
    needs: ClassVar[tuple[str, ...]] = (
        "short_wave", "long_wave", "air_temperature", "relative_humidity", "wind_speed",
        "ice_free", "area", "thickness",
    )  # fmt: skip

    tolerance: float = real(
        24.0,
        search=(24.0, 24.0),
        valid=(0.0, 1e4),
        learnable=False,
        doc="imbalance that is not held against a prediction, W/m²",
    )

    def violations(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        """Return the imbalance beyond the tolerance, (sequences with ice-free days,), in W/m²."""
        gap = (heat_gain(predictions, drivers) - heat_flux(predictions, drivers)).abs()
        free = judged_days(drivers).to(gap)
        days = free.sum(1)
        # Only sequences with such a day: no division by 0, not even in the gradient.
        mean = (gap * free).sum(1)[days > 0] / days[days > 0]
        return torch.relu(mean - self.tolerance)


def judged_days(drivers: Drivers) -> Tensor:
    """Return, for the days from the second on, whether both ends of the day are free of ice."""
    free = drivers["ice_free"] > 0
    return free[:, 1:] & free[:, :-1]


def heat_gain(temperature: Tensor, drivers: Drivers) -> Tensor:
    """Return ΔE_t, the gain of heat from the end of one day to the end of the next.

    Args:
        temperature: (B, T, depths), °C.
        drivers: ``area`` (m²) and ``thickness`` (m), (B, depths).

    Returns:
        (B, T − 1), W per m² of the lake's surface.
    """
    area, thickness = drivers["area"], drivers["thickness"]
    # Divided by the surface before the sum, so that float32 does not have to hold 1e14 J.
    metres = (area * thickness / area[:, :1]).unsqueeze(1)
    rise = (water.density(temperature) * temperature * metres).diff(dim=1).sum(-1)
    return water.SPECIFIC_HEAT * rise / water.SECONDS_PER_DAY


def heat_flux(temperature: Tensor, drivers: Drivers) -> Tensor:
    """Return F_t, the heat that comes through the surface during each day from the second on.

    Args:
        temperature: (B, T, depths), °C; only the first depth is looked at.
        drivers: those of `EnergyImbalance`, (B, T).

    Returns:
        (B, T − 1), W/m², positive into the water.
    """
    ends = temperature[..., 0]
    surface = (ends[:, 1:] + ends[:, :-1]) / 2
    today = {name: drivers[name][:, 1:] for name in EnergyImbalance.needs[:5]}
    air, wind = today["air_temperature"], today["wind_speed"]
    return (
        water.net_short_wave(today["short_wave"])
        + water.net_long_wave(today["long_wave"], surface)
        + water.sensible_heat(surface, air, wind)
        + water.latent_heat(surface, air, today["relative_humidity"], wind)
    )
