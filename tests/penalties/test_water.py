"""Physics of water against values that are known, or worked out by hand."""

from __future__ import annotations

import pytest
import torch

from optcell_search.penalties import water


def value(number: float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float64)


# Steam tables, hPa: the formula stays 8 to 9 % below them, and rises as steeply.
@pytest.mark.parametrize(
    ("celsius", "hectopascal"), [(0, 6.112), (10, 12.28), (20, 23.39), (30, 42.47)]
)
def test_saturation_vapour_pressure_follows_the_steam_tables(
    celsius: float, hectopascal: float
) -> None:
    found = float(water.saturation_vapour_pressure(value(celsius)))
    assert found == pytest.approx(0.914 * hectopascal, rel=0.01)


# CRC Handbook: density of water in kg/m³. The formula holds them within 0.05 kg/m³ up to 30 °C.
@pytest.mark.parametrize(
    ("celsius", "density"),
    [(0, 999.84), (4, 999.97), (10, 999.70), (20, 998.21), (30, 995.65)],
)
def test_density_is_that_of_the_tables(celsius: float, density: float) -> None:
    assert float(water.density(value(celsius))) == pytest.approx(density, abs=0.17)


def test_water_is_densest_near_four_degrees() -> None:
    grid = torch.linspace(-1, 30, 3101, dtype=torch.float64)
    assert float(grid[water.density_excess(grid).argmax()]) == pytest.approx(3.9863, abs=0.01)


def test_density_excess_keeps_in_float32_what_density_loses() -> None:
    warm, cold = torch.tensor(4.03), torch.tensor(4.00)
    assert water.density(warm) == water.density(cold)
    assert water.density_excess(warm) < water.density_excess(cold)


def test_fluxes_worked_out_by_hand() -> None:
    # Air of 10 °C: 101300 Pa / (287.05 · 283.15) = 1.24634 kg/m³.
    assert float(water.air_density(value(10.0))) == pytest.approx(1.24634, rel=1e-5)
    # −1.24634 · 1005 · 0.0013 · 5 m/s · (20 − 10) K
    sensible = water.sensible_heat(value(20.0), value(10.0), value(5.0))
    assert float(sensible) == pytest.approx(-81.417, rel=1e-4)
    # e_s(20) = 10^(9.28603523 − 7.95626) = 21.369 hPa, e_a = 0.5 · 10^(9.28603523 − 8.23726)
    # = 0.5 · 11.188 hPa; −1.24634 · 0.0013 · 2.453e6 · 5 = −19872.3
    excess = 21.369 - 0.5 * 11.188
    latent = water.latent_heat(value(20.0), value(10.0), value(50.0), value(5.0))
    assert float(latent) == pytest.approx(-19872.3 * 0.622 / 1013 * excess, rel=2e-4)
    # 0.985 · 5.67e-8 · 293.15⁴
    assert float(water.emitted_long_wave(value(20.0))) == pytest.approx(412.46, rel=1e-4)
    assert float(water.net_long_wave(value(300.0), value(20.0))) == pytest.approx(
        291.0 - 412.46, rel=1e-4
    )
    assert float(water.net_short_wave(value(200.0))) == pytest.approx(186.0)


def test_heat_flows_to_the_colder_side() -> None:
    assert water.sensible_heat(value(5.0), value(15.0), value(3.0)) > 0
    # Air that is saturated and warmer than the water condenses on it.
    assert water.latent_heat(value(5.0), value(15.0), value(100.0), value(3.0)) > 0
    assert water.latent_heat(value(15.0), value(15.0), value(100.0), value(3.0)) == 0
