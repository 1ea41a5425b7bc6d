"""A lake and its weather: glm-py's Sparkling Lake, or the user's own from CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from optcell_search.penalties import water
from optcell_search.raw.reading import files, times
from optcell_search.raw.reading.columns import numbers, row
from optcell_search.raw.reading.times import are_numbers
from optcell_search.tasks.lake import glm
from optcell_search.tasks.lake.site import Array, Site

if TYPE_CHECKING:
    import pandas as pd

# What each driver may be; all are means or sums of a day.
RANGES: dict[str, tuple[float, float, str]] = {
    "short_wave": (0.0, 1000.0, "W/m²"),
    "long_wave": (0.0, 1000.0, "W/m²"),
    "air_temperature": (-90.0, 60.0, "°C"),
    "relative_humidity": (0.0, 120.0, "%"),
    "wind_speed": (0.0, 100.0, "m/s"),
    "rain": (0.0, 2.0, "m/day"),
    "snow": (0.0, 5.0, "m/day"),
}
# Means over years that no place on earth is beyond, as shares of 1 and millimetres may be.
_MEANS = {"relative_humidity": (5.0, 105.0), "rain": (0.0, 0.04), "snow": (0.0, 0.1)}
_WATER = (-2.0, 50.0)  # °C
_SPARKLING_START = "1980-04-15"
_SPARKLING_LATITUDE = 46.00881
# Its modellers' correction of the weather data, in glm-py's settings of the lake.
_SPARKLING_SHORT_WAVE = 1.08


@dataclass(frozen=True)
class Observations:
    """Measured temperatures.

    Args:
        day: (observations,), days since the start of the weather.
        depth: (observations,), m.
        temperature: (observations,), °C.
    """

    day: npt.NDArray[np.int64]
    depth: Array
    temperature: Array


def sparkling_lake(days: int) -> Site:
    """Return Sparkling Lake, Wisconsin, from 1980-04-15 on, as glm-py describes it.

    Raises:
        ValueError: glm-py is absent.
    """
    known = glm.sparkling_lake()
    table = known.get_bc_pd("nldas_driver")
    first = table["time"].tolist().index(_SPARKLING_START)
    rows = table.iloc[first : first + days]
    columns = ("ShortWave", "LongWave", "AirTemp", "RelHum", "WindSpeed", "Rain", "Snow")
    weather = {
        name: rows[column].to_numpy(dtype=np.float64)
        for name, column in zip(RANGES, columns, strict=True)
    }
    weather["short_wave"] = _SPARKLING_SHORT_WAVE * weather["short_wave"]
    heights = np.array(known.get_param_value("glm", "morphometry", "h"))
    areas = np.array(known.get_param_value("glm", "morphometry", "a"))
    below = heights <= known.get_param_value("glm", "morphometry", "crest_elev")
    heights, areas = heights[below], areas[below]
    return Site(
        where="Sparkling Lake",
        start=_SPARKLING_START,
        latitude=_SPARKLING_LATITUDE,
        depths=heights[-1] - heights[::-1],
        areas=areas[::-1],
        weather=weather,
    )


def read_site(drivers: Path, hypsography: Path, latitude: float) -> Site:
    """Read a user's lake.

    Args:
        drivers: CSV with ``date`` and the columns of `RANGES`, one row a day, no day missing.
        hypsography: CSV with ``depth`` (m, increasing from 0) and ``area`` (m², decreasing).
        latitude: degrees north.

    Raises:
        ValueError: a file cannot be used; the message says where and why.
    """
    table = _read(drivers, ("date", *RANGES))
    dates = _dates(table, drivers)
    gaps = np.flatnonzero(np.diff(dates).astype(np.int64) != 1)
    if len(gaps):
        raise ValueError(
            f"{drivers}: drivers have a gap, {dates[gaps[0]]} is followed by "
            f"{dates[gaps[0] + 1]}; valid: one row a day, in order"
        )
    weather = {name: _column(table, name, drivers) for name in RANGES}
    for name, (low, high, unit) in RANGES.items():
        _check_range(weather[name], low, high, f"{drivers}: {name}", unit)
        low, high = _MEANS.get(name, (low, high))
        if not low <= (mean := float(weather[name].mean())) <= high:
            raise ValueError(
                f"{drivers}: {name} is {mean:.3g} {unit} on the mean of all days; "
                f"valid: means of {low:g} to {high:g} {unit}"
            )
    depths, areas = _read_hypsography(hypsography)
    return Site(str(drivers), str(dates[0]), latitude, depths, areas, weather)


def _read_hypsography(path: Path) -> tuple[Array, Array]:
    table = _read(path, ("depth", "area"))
    depths, areas = _column(table, "depth", path), _column(table, "area", path)
    if len(depths) < 2 or depths[0] != 0:
        raise ValueError(f"{path}: valid: two rows or more, the first of depth 0")
    if (np.diff(depths) <= 0).any():
        row = int(np.flatnonzero(np.diff(depths) <= 0)[0]) + 1
        raise ValueError(
            f"{path}: hypsography is not increasing: depth {depths[row - 1]:g} is followed by "
            f"{depths[row]:g}; valid: from the surface down"
        )
    if (areas < 0).any() or areas[0] <= 0 or (np.diff(areas) > 0).any():
        raise ValueError(f"{path}: valid: areas that never grow with depth, the first above 0")
    return depths, areas


def read_observations(path: Path, site: Site) -> Observations:
    """Read measured temperatures: CSV with ``date``, ``depth`` (m) and ``temperature`` (°C).

    Raises:
        ValueError: the file cannot be used; the message says where and why.
    """
    table = _read(path, ("date", "depth", "temperature"))
    day = (_dates(table, path) - np.datetime64(site.start, "D")).astype(np.int64)
    if not len(day) or day.min() < 0 or day.max() >= site.days:
        raise ValueError(
            f"{path}: observations must lie within the {site.days} days of drivers "
            f"from {site.start} on"
        )
    depth, temperature = _column(table, "depth", path), _column(table, "temperature", path)
    _check_range(depth, 0.0, float(site.depths[-1]), f"{path}: depth", "m")
    density = water.density(torch.tensor(temperature)).numpy()
    if (density <= 0).any():
        row = int(np.flatnonzero(density <= 0)[0])
        raise ValueError(
            f"{path}: negative density: water of {temperature[row]:g} °C would have "
            f"{density[row]:.0f} kg/m³; valid: {_WATER[0]:g} to {_WATER[1]:g} °C"
        )
    _check_range(temperature, *_WATER, f"{path}: temperature", "°C")
    return Observations(day, depth, temperature)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = files.read(path, files.Form())
    if missing := [name for name in columns if name not in table.columns]:
        raise ValueError(f"{path}: no column {', '.join(missing)}; valid: {', '.join(columns)}")
    return table


def _column(table: pd.DataFrame, name: str, path: Path) -> Array:
    values = numbers(table[name], f"{path}: column {name!r}")
    if (gaps := np.isnan(values)).any():
        raise ValueError(
            f"{path}: {name} has a gap: {int(gaps.sum())} empty cells, "
            f"the first in {row(int(np.flatnonzero(gaps)[0]))}"
        )
    return values


def _dates(table: pd.DataFrame, path: Path) -> npt.NDArray[np.datetime64]:
    where = f"{path}: column 'date'"
    if not len(table):
        raise ValueError(f"{where}: there is no row below the names of the columns")
    if are_numbers(table["date"]):
        raise ValueError(f"{where} holds {table['date'].iloc[0]!r}; valid: a day as 2024-05-31")
    moments = times.moments(table["date"], where).astype("m8[us]").view("datetime64[us]")
    return moments.astype("datetime64[D]")


def _check_range(values: Array, low: float, high: float, label: str, unit: str) -> None:
    bad = (values < low) | (values > high)
    if bad.any():
        first = values[int(np.flatnonzero(bad)[0])]
        raise ValueError(f"{label} = {first:g} is out of range; valid: {low:g} to {high:g} {unit}")
