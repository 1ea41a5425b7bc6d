"""Water temperature of a lake by depth, sparsely observed, beside a process model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from optcell_search.hyperparameters import choice, integer, real
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import ScaledRegression
from optcell_search.tasks.lake.glm import Simulation, simulate
from optcell_search.tasks.lake.reading import read_observations, read_site, sparkling_lake
from optcell_search.tasks.lake.site import Array, Site
from optcell_search.tasks.own.finding import find

_STEPS = 365
_SHARE_HELD_OUT = 0.2  # of the sequences, for validation and for test
_OFFSET, _SCALE = 10.0, 10.0  # °C

_PROFILE_EVERY = 7  # days
_NOISE = 0.3  # °C
# Parameters of the twin: natural logarithm of a factor, standard deviation; centre of the factor.
_TWIN = {
    "light.kw": (0.331, 0.25, 1.3),
    "meteorology.ce": (0.00132, 0.1, 1.0),
    "meteorology.ch": (0.0014, 0.1, 1.0),
    "meteorology.wind_factor": (1.0, 0.1, 0.85),
    "mixing.coef_mix_kh": (0.3, 0.3, 1.0),
    "mixing.coef_wind_stir": (0.402, 0.2, 1.0),
}
# Centre and half-width of what enters the network as about -1 to 1.
_INPUTS = {
    "short_wave": (150.0, 150.0),
    "long_wave": (300.0, 100.0),
    "air_temperature": (5.0, 20.0),
    "relative_humidity": (70.0, 30.0),
    "wind_speed": (4.0, 4.0),
    "rain": (0.0, 0.02),
    "snow": (0.0, 0.02),
}
_DAYS_OF_YEAR = 365.2425


@dataclass(frozen=True, kw_only=True)
class Lake(Task):
    """Temperature of a lake at every depth and day, from its weather.

    Without files of the user's own this is a twin experiment on Sparkling Lake, Wisconsin, with
    its real weather of `years` years from 1980-04-15 on. The process model is the General Lake
    Model as glm-py sets it up for the lake, ice switched on. The truth is a second run of it
    whose light extinction, wind, exchange and mixing coefficients are drawn from `seed`; it is
    seen once a week at each depth, with noise of 0.3 °C.

    With `drivers`, `observations` and `hypsography` it is the user's own lake; the process model
    is then GLM with the same settings on that lake and weather.

    A sequence is 365 days; days behind the last whole one are left out. Inputs at each day: the
    seven drivers, scaled to about -1 to 1, sine and cosine of the season. Targets: temperature at
    the end of the day at depths 0, `step`, 2 `step`, …, in °C; NaN where it is not observed.
    temperature = 10 °C + 10 °C · output. Split by time: the first sequences for training, then
    a fifth each for validation and for test. Only `share` per cent of the training observations
    are revealed; validation and test have all of theirs. Pre-training data: the process model's
    temperatures on the days of the training split, complete.

    Drivers for objectives: those of `EnergyImbalance`, and ``process``, the process model's
    temperatures (sequences, days, depths) in °C. ``short_wave`` there is the mean of the day and
    of the day before, which is how GLM applies it. ``ice_free`` is the process model's.

    Source: Jia et al. 2019, arXiv 1810.13075; Read et al. 2019, doi:10.1029/2019WR024922.
    Departure: one sequence holds all depths, theirs one depth each.
    """

    name: ClassVar[str] = "lake"
    title: ClassVar[str] = "water temperature of a lake by depth (General Lake Model, or your CSVs)"

    share: float = choice(
        2,
        options=(0.2, 2, 20, 100),
        doc="per cent of the training observations that are revealed",
    )
    seed: int = integer(
        0, search=(0, 4), valid=(0, 2**31 - 1), doc="of the twin, its noise and what is revealed"
    )
    years: int = integer(
        24, search=(24, 24), valid=(3, 35), doc="years of Sparkling Lake; own lakes: all there are"
    )
    step: float = real(1.0, search=(1.0, 1.0), valid=(0.1, 100.0), doc="distance between depths, m")
    latitude: float = real(
        46.0, search=(46.0, 46.0), valid=(-90.0, 90.0), doc="of an own lake, degrees north"
    )
    drivers: str = ""
    observations: str = ""
    hypsography: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        files = {"drivers", "observations", "hypsography"}
        missing = sorted(name for name in files if not getattr(self, name))
        if missing and len(missing) < len(files):
            raise ValueError(
                f"lake: an own lake needs {', '.join(sorted(files))}; missing: {', '.join(missing)}"
            )
        for name in files - set(missing):
            path = Path(getattr(self, name))
            if path.is_file():
                # The same file for a worker that runs in another folder.
                object.__setattr__(self, name, str(path.absolute()))

    def search_data(self, folder: Path) -> Data:
        """Run GLM, or read its cached runs, and take the first sequences; see the class."""
        world = self._world(folder)
        held_out = world.held_out
        train = world.split(0, world.count - 2 * held_out, revealed=self.share / 100)
        return Data(
            train=train,
            validation=world.split(world.count - 2 * held_out, world.count - held_out),
            goal=ScaledRegression(values=len(world.depths), offset=_OFFSET, scale=_SCALE),
            readout="every",
            pretraining=Split(train.inputs, train.drivers["process"], drivers=train.drivers),
        )

    def test_data(self, folder: Path) -> Split:
        """Take the last sequences."""
        world = self._world(folder)
        return world.split(world.count - world.held_out, world.count)

    def _world(self, folder: Path) -> _World:
        own = bool(self.drivers)
        if own:
            paths = [find(path, folder) for path in (self.drivers, self.hypsography)]
            site = read_site(paths[0], paths[1], self.latitude)
        else:
            # GLM ends at the beginning of its last day.
            site = sparkling_lake(self.years * _STEPS + 1)
        depths = np.arange(0.0, float(site.depths[-1]), self.step, dtype=np.float64)
        count = (site.days - 1) // _STEPS
        if count < 3 or len(depths) < 2:
            raise ValueError(
                f"{site.where}: {site.days} days and {len(depths)} depths are too few to split; "
                f"valid: {3 * _STEPS + 1} days or more, 2 depths or more"
            )
        if own:
            observed = np.full((count * _STEPS, len(depths)), np.nan)
            _place(observed, find(self.observations, folder), site, depths)
        else:
            observed = _twin(site, depths, self.seed)[: count * _STEPS]
        # After the user's files have been read: it takes a while, their faults do not.
        process = simulate(site, depths, {})
        return _World(site, depths, count, process, observed, self.seed)


@dataclass(frozen=True)
class _World:
    """A lake with its process model and all that is ever observed of it, (days, depths)."""

    site: Site
    depths: Array
    count: int
    process: Simulation
    observed: Array
    seed: int

    @property
    def held_out(self) -> int:
        """Sequences for validation, and as many for test."""
        return max(1, round(_SHARE_HELD_OUT * self.count))

    def split(self, first: int, end: int, *, revealed: float = 1.0) -> Split:
        """Return sequences `first` to `end`, with that share of their observations."""
        days = slice(first * _STEPS, end * _STEPS)
        targets = self.observed[days].copy()
        there = np.flatnonzero(~np.isnan(targets))
        if not len(there):
            raise ValueError(
                f"{self.site.where}: days {days.start} to {days.stop - 1} have no observation; "
                "valid: some among the first, the second last and the last years"
            )
        hidden = np.random.RandomState(self.seed).permutation(there)
        targets.flat[hidden[max(1, round(revealed * len(there))) :]] = np.nan
        return Split(self._inputs(days), self._cut(targets), drivers=self._drivers(days))

    def _cut(self, values: Array) -> Tensor:
        """Turn (days, ...) into sequences (sequences, 365, ...)."""
        return torch.tensor(values.reshape(-1, _STEPS, *values.shape[1:]), dtype=torch.float32)

    def _inputs(self, days: slice) -> Tensor:
        dates = np.datetime64(self.site.start, "D") + np.arange(days.start, days.stop)
        since_january = (dates - dates.astype("datetime64[Y]")).astype(np.float64)
        season = 2 * np.pi * since_january / _DAYS_OF_YEAR
        scaled = [
            (self.site.weather[name][days] - centre) / width
            for name, (centre, width) in _INPUTS.items()
        ]
        return self._cut(np.stack((*scaled, np.sin(season), np.cos(season)), axis=1))

    def _drivers(self, days: slice) -> dict[str, Tensor]:
        weather = dict(self.site.weather)
        sun = weather["short_wave"]
        weather["short_wave"] = (sun + np.concatenate((sun[:1], sun[:-1]))) / 2
        by_day = {name: self._cut(values[days]) for name, values in weather.items()}
        sequences = (days.stop - days.start) // _STEPS
        layers = {
            "area": np.interp(self.depths, self.site.depths, self.site.areas),
            "thickness": _thickness(self.depths, float(self.site.depths[-1])),
        }
        return {
            **by_day,
            "ice_free": self._cut((self.process.ice[days] == 0).astype(np.float64)),
            "process": self._cut(self.process.temperature[days]),
            **{
                name: torch.tensor(values, dtype=torch.float32).repeat(sequences, 1)
                for name, values in layers.items()
            },
        }


def _thickness(depths: Array, deepest: float) -> Array:
    """Return the thickness (m) of the water that is nearest to each depth."""
    bounds = np.concatenate(([0.0], (depths[1:] + depths[:-1]) / 2, [deepest]))
    return np.diff(bounds)


def _twin(site: Site, depths: Array, seed: int) -> Array:
    """Return what is observed of the perturbed run, NaN elsewhere."""
    random = np.random.RandomState(seed)
    changes = {
        name: float(default * centre * np.exp(spread * random.standard_normal()))
        for name, (default, spread, centre) in _TWIN.items()
    }
    truth = simulate(site, depths, changes)
    seen = truth.temperature + _NOISE * random.standard_normal(truth.temperature.shape)
    profiled = np.arange(len(seen)) % _PROFILE_EVERY == 0
    wet = depths[None] <= truth.level[:, None]
    return np.where(profiled[:, None] & wet, seen, np.nan)


def _place(observed: Array, path: Path, site: Site, depths: Array) -> None:
    """Write a user's observations onto the nearest depths; several at one place are averaged."""
    found = read_observations(path, site)
    inside = found.day < len(observed)
    day, temperature = found.day[inside], found.temperature[inside]
    depth = np.abs(found.depth[inside, None] - depths).argmin(1)
    total, count = np.zeros_like(observed), np.zeros_like(observed)
    np.add.at(total, (day, depth), temperature)
    np.add.at(count, (day, depth), 1)
    seen = count > 0
    observed[seen] = total[seen] / count[seen]
