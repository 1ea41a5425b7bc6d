"""Our heat budget against the General Lake Model's own, on a run of Sparkling Lake.

Measured over the 1,727 ice-free days of the eight years from 1980-04-15 (glm-py 0.5.0, GLM 3.3.3),
ours minus GLM's daily means, in W/m²: short wave −0.4 (of 190, r = 0.9999), long wave −0.2 (of −81,
r = 0.9997), sensible +1.5 (of −27, r = 0.998), latent +6.8 (of −74, r = 0.993; +0.7 with Magnus'
vapour pressure). Gain of heat against the sum of GLM's four fluxes: r = 0.996 and 17 below it, as
GLM itself loses heat to its sediment. Mean imbalance of GLM's own run by our terms: 25.2.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optcell_search.penalties import DensityInversion, EnergyImbalance, energy_imbalance, water
from optcell_search.tasks import Split
from optcell_search.tasks.lake import glm, reading
from optcell_search.tasks.lake.lake import Lake

pytest.importorskip("glmpy", reason="glm-py is an optional extra")

# GLM's mean over ice-free days, then how far ours may be from it, in W/m².
AGREEMENT = {
    "short_wave": 3.0,
    "long_wave": 1.0,
    "sensible": 2.0,
    "latent": 9.0,
}


@pytest.fixture(scope="module")
def run() -> tuple[Split, glm.Simulation]:
    """The training year of a short twin, and the process model's run from its first day on."""
    from pathlib import Path

    lake = Lake(years=3)
    split = lake.search_data(Path()).train
    site = reading.sparkling_lake(3 * 365 + 1)
    depths = np.arange(0.0, float(site.depths[-1]), 1.0)
    return split, glm.simulate(site, depths, {})


def test_each_flux_agrees_with_glms(run: tuple[Split, glm.Simulation]) -> None:
    split, theirs = run
    drivers = {name: values[:1].double() for name, values in split.drivers.items()}
    judged = energy_imbalance.judged_days(drivers)[0].numpy()
    surface = drivers["process"][0, :, 0]
    surface = (surface[1:] + surface[:-1]) / 2
    air, wind = drivers["air_temperature"][0, 1:], drivers["wind_speed"][0, 1:]
    humidity = drivers["relative_humidity"][0, 1:]
    ours = {
        "short_wave": water.net_short_wave(drivers["short_wave"][0, 1:]),
        "long_wave": water.net_long_wave(drivers["long_wave"][0, 1:], surface),
        "sensible": water.sensible_heat(surface, air, wind),
        "latent": water.latent_heat(surface, air, humidity, wind),
    }
    for name, bound in AGREEMENT.items():
        one = ours[name].numpy()[judged]
        two = getattr(theirs, name)[1:365][judged]
        assert abs(float((one - two).mean())) < bound, name
        assert np.corrcoef(one, two)[0, 1] > 0.985, name


def test_gain_of_heat_follows_glms_fluxes(run: tuple[Split, glm.Simulation]) -> None:
    split, theirs = run
    drivers = {name: values[:1].double() for name, values in split.drivers.items()}
    judged = energy_imbalance.judged_days(drivers)[0].numpy()
    gain = energy_imbalance.heat_gain(drivers["process"], drivers)[0].numpy()[judged]
    total = theirs.short_wave + theirs.long_wave + theirs.sensible + theirs.latent
    total = total[1:365][judged]
    assert np.corrcoef(gain, total)[0, 1] > 0.985
    assert -25 < float((gain - total).mean()) < 0  # what the sediment takes


def test_glm_itself_keeps_both_laws_or_nearly(run: tuple[Split, glm.Simulation]) -> None:
    split, _ = run
    process = split.drivers["process"]
    assert float(EnergyImbalance().penalty(process, split.drivers)) < 4.0
    assert float(DensityInversion().penalty(process, split.drivers)) == 0.0
    scrambled = process + torch.randn(process.shape, generator=torch.Generator().manual_seed(0))
    assert float(EnergyImbalance().penalty(scrambled, split.drivers)) > 50.0
    assert float(DensityInversion().penalty(scrambled, split.drivers)) > 0.1
