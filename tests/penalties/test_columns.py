"""Laws of a lake on columns of water small enough to work out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from optcell_search.penalties import DensityInversion, EnergyImbalance, energy_imbalance, water


def drivers(days: int, **changes: list[float]) -> dict[str, Tensor]:
    """A calm night over two layers of 100 m² and 50 m²: no sun, no wind, radiation in balance."""
    # 0.97 LW = 0.985 σ T⁴ at 10 °C.
    balance = 0.985 * 5.67e-8 * 283.15**4 / 0.97
    values = {
        "short_wave": [0.0] * days,
        "long_wave": [balance] * days,
        "air_temperature": [10.0] * days,
        "relative_humidity": [100.0] * days,
        "wind_speed": [0.0] * days,
        "ice_free": [1.0] * days,
        "area": [100.0, 50.0],
        "thickness": [1.0, 2.0],
        **changes,
    }
    return {name: torch.tensor([row], dtype=torch.float64) for name, row in values.items()}


def column(*days: tuple[float, float]) -> Tensor:
    return torch.tensor([days], dtype=torch.float64)


def test_a_lake_in_balance_breaks_no_law() -> None:
    still = column((10.0, 10.0), (10.0, 10.0), (10.0, 10.0))
    assert energy_imbalance.heat_flux(still, drivers(3)).abs().max() < 1e-9
    assert EnergyImbalance(tolerance=0.0).penalty(still, drivers(3)) < 1e-9


def test_heat_that_comes_from_nowhere_is_counted_in_watts() -> None:
    # The lower layer, 50 m² · 2 m, warms from 4 to 5 °C in the second day:
    # 4186 · 100 m³ · (ρ(5) 5 − ρ(4) 4) / (86400 s · 100 m²), ρ = 999.991…, 1000
    rise = 5 * float(water.density(torch.tensor(5.0, dtype=torch.float64))) - 4 * float(
        water.density(torch.tensor(4.0, dtype=torch.float64))
    )
    watts = 4186 * rise / 86400
    assert watts == pytest.approx(48.45, abs=0.01)
    warming = column((10.0, 4.0), (10.0, 5.0), (10.0, 5.0))
    gain = energy_imbalance.heat_gain(warming, drivers(3))
    assert gain.tolist() == [[pytest.approx(watts), 0.0]]
    # Averaged over the two days: 24.2 W/m², 0.2 beyond the tolerance.
    penalty = float(EnergyImbalance().penalty(warming, drivers(3)))
    assert penalty == pytest.approx(watts / 2 - 24.0, abs=1e-9)


def test_a_day_of_sun_is_worth_its_watts() -> None:
    still = column((10.0, 10.0), (10.0, 10.0))
    sunny = drivers(2, short_wave=[999.0, 200.0])  # what shone before the first end counts not
    assert energy_imbalance.heat_flux(still, sunny).tolist() == [[pytest.approx(186.0)]]


def test_the_surface_that_radiates_is_that_between_both_ends_of_a_day() -> None:
    cooling = column((12.0, 10.0), (8.0, 10.0))
    assert energy_imbalance.heat_flux(cooling, drivers(2)).abs().max() < 1e-9


def test_days_with_ice_at_either_end_are_left_out() -> None:
    days = column((10.0, 4.0), (10.0, 9.0), (10.0, 9.0), (10.0, 9.0))
    icy = drivers(4, ice_free=[0.0, 1.0, 1.0, 1.0])
    law = EnergyImbalance(tolerance=0.0)
    assert float(law.penalty(days, icy)) < 1e-9
    assert float(law.penalty(days, drivers(4))) > 50


def test_a_sequence_under_ice_all_along_is_no_occasion() -> None:
    days = column((10.0, 4.0), (10.0, 9.0)).requires_grad_()
    icy = drivers(2, ice_free=[0.0, 0.0])
    law = EnergyImbalance()
    assert law.violations(days, icy).shape == (0,)
    penalty = law.penalty(days, icy)
    penalty.backward()  # type: ignore[no-untyped-call]
    assert penalty == 0
    assert days.grad is not None
    assert (days.grad == 0).all()
    assert law.finish(law.tally(days.detach(), icy)) == {
        "energy_imbalance": 0.0,
        "energy_imbalance_share": 0.0,
    }


def test_dense_water_above_is_counted_in_kilograms() -> None:
    # 10 °C over 20 °C: 999.73 − 998.23 kg/m³; warm over cold, and 2 °C over 4 °C, are stable.
    profiles = column((20.0, 10.0), (10.0, 20.0), (2.0, 4.0), (4.0, 2.0))
    law = DensityInversion(tolerance=0.0)
    dense = [float(water.density(torch.tensor(t, dtype=torch.float64))) for t in (10, 20, 4, 2)]
    found = law.violations(profiles, drivers(4))
    expected = [0.0, dense[0] - dense[1], 0.0, dense[2] - dense[3]]
    assert found.tolist() == [pytest.approx(expected, abs=1e-9)]
    assert found[0, 1] == pytest.approx(1.50, abs=0.02)
    scores = law.finish(law.tally(profiles, drivers(4)))
    assert scores["density_inversion"] == pytest.approx(sum(expected) / 4)
    assert scores["density_inversion_share"] == 0.5


def test_a_difference_within_the_tolerance_is_no_inversion() -> None:
    nearly = column((4.5, 4.51))
    assert DensityInversion(tolerance=0.0).penalty(nearly, drivers(1)) > 0
    assert DensityInversion().penalty(nearly, drivers(1)) == 0


def test_gradients_push_towards_the_law() -> None:
    profile = column((10.0, 20.0)).requires_grad_()
    DensityInversion().penalty(profile, drivers(1)).backward()  # type: ignore[no-untyped-call]
    assert profile.grad is not None
    above, below = profile.grad[0, 0].tolist()
    assert above < 0 < below  # a step against it warms what is above and cools what is below
