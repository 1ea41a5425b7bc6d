"""Physics of fresh water and of the air above it, in SI units but for degrees Celsius.

Source: the functions behind PGRNN (Jia et al. 2019, arXiv 1810.13075; Read et al. 2019, Water
Resources Research 55, doi:10.1029/2019WR024922).
"""

from __future__ import annotations

import torch
from torch import Tensor

SPECIFIC_HEAT = 4186.0  # of water, J / (kg K)
SECONDS_PER_DAY = 86_400.0

_KELVIN = 273.15
_STEFAN_BOLTZMANN = 5.67e-8  # W / (m2 K4)
_EMISSIVITY = 0.985
_SHORT_WAVE_TAKEN = 0.93  # the rest is reflected
_LONG_WAVE_TAKEN = 0.97
_BULK_COEFFICIENT = 0.0013  # of heat and of vapour, at 10 m
_HEAT_OF_AIR = 1005.0  # J / (kg K)
_HEAT_OF_EVAPORATION = 2.453e6  # J / kg
_PRESSURE = 1013.0  # hPa
_VAPOUR_TO_AIR = 0.622  # ratio of molar masses
_GAS_CONSTANT_DRY_AIR = 287.05  # J / (kg K)


def density_excess(temperature: Tensor) -> Tensor:
    """Return the density of fresh water above 1000 kg/m³, never over 0.

        ρ(T) − 1000 = −1000 (T + 288.9414) (T − 3.9863)² / (508929.2 (T + 68.12963))

    The difference is given, and not ρ, because rounding ρ to float32 costs 6e-5 kg/m³, which is
    what 0.1 K means near 4 °C.

    Args:
        temperature: °C, above −68.

    Returns:
        kg/m³, in the shape of `temperature`.

    Source: Heggen 1983, as used by PGRNN.
    """
    t = temperature
    return -1000 * (t + 288.9414) * (t - 3.9863).square() / (508_929.2 * (t + 68.12963))


def density(temperature: Tensor) -> Tensor:
    """Return the density of fresh water at `temperature` (°C), in kg/m³."""
    return 1000 + density_excess(temperature)


def saturation_vapour_pressure(temperature: Tensor) -> Tensor:
    """Return the pressure of saturated water vapour: e_s = 10^(9.28603523 − 2332.37885 / T_K).

    Args:
        temperature: °C.

    Returns:
        hPa (mb): 5.6 at 0 °C, 11.2 at 10 °C, 21.4 at 20 °C. That is 8 to 9 % below the steam
        tables, and why latent heat comes out 9 % below GLM's (with Magnus' formula: 1 %).

    Departure: the public PGRNN code has a misplaced ln 10 in the exponent, which makes the vapour
    pressure, and with it the latent heat flux, nearly zero.
    """
    return torch.pow(10.0, 9.28603523 - 2332.37885 / (temperature + _KELVIN))


def air_density(temperature: Tensor) -> Tensor:
    """Return the density of dry air of `temperature` (°C) at 1013 hPa, in kg/m³: p / (R T_K)."""
    return 100 * _PRESSURE / (_GAS_CONSTANT_DRY_AIR * (temperature + _KELVIN))


def sensible_heat(surface: Tensor, air: Tensor, wind: Tensor) -> Tensor:
    """Return the heat that the air gives to the water: −ρ_a c_a C U (T_s − T_a).

    Args:
        surface, air: temperatures of the water's surface and of the air, °C.
        wind: speed at 10 m, m/s.

    Returns:
        W/m², positive into the water.
    """
    return -air_density(air) * _HEAT_OF_AIR * _BULK_COEFFICIENT * wind * (surface - air)


def latent_heat(surface: Tensor, air: Tensor, humidity: Tensor, wind: Tensor) -> Tensor:
    """Return the heat of evaporation: −ρ_a C L U (0.622 / p) (e_s − e_a), e_a = RH/100 e_s(T_a).

    Args:
        surface, air: temperatures of the water's surface and of the air, °C.
        humidity: relative humidity of the air, %.
        wind: speed at 10 m, m/s.

    Returns:
        W/m², positive into the water, negative while it evaporates.
    """
    excess = saturation_vapour_pressure(surface) - (
        humidity / 100 * saturation_vapour_pressure(air)
    )
    flow = air_density(air) * _BULK_COEFFICIENT * wind * (_VAPOUR_TO_AIR / _PRESSURE) * excess
    return -_HEAT_OF_EVAPORATION * flow


def emitted_long_wave(surface: Tensor) -> Tensor:
    """Return what a water surface of `surface` (°C) radiates, in W/m²: 0.985 σ T_K⁴."""
    return _EMISSIVITY * _STEFAN_BOLTZMANN * (surface + _KELVIN) ** 4


def net_short_wave(short_wave: Tensor) -> Tensor:
    """Return what the water takes of the sun's radiation, in W/m²: 0.93 SW."""
    return _SHORT_WAVE_TAKEN * short_wave


def net_long_wave(long_wave: Tensor, surface: Tensor) -> Tensor:
    """Return the long-wave radiation taken minus that emitted, in W/m²: 0.97 LW − 0.985 σ T_s⁴."""
    return _LONG_WAVE_TAKEN * long_wave - emitted_long_wave(surface)
