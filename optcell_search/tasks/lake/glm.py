"""Runs of the General Lake Model, through glm-py, kept in the user's cache folder.

A run is a function of its lake, its weather and its parameters, so it is made once and read from
then on. glm-py is under the GPL-3: it is installed by the user, and nothing of it is copied here.

Source: Hipsey et al. 2019, Geoscientific Model Development 12, doi:10.5194/gmd-12-473-2019.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from optcell_search.tasks.lake.site import Array, Site

_LAYOUT = 1  # of the cached files
_SETTINGS = "sparkling_lake.glmpy"
# glm-py's Sparkling Lake has no ice section, and then its water stays open at −27 °C of air.
_ICE = {
    "snow_albedo_factor": 1.0,
    "snow_rho_min": 50.0,
    "snow_rho_max": 300.0,
    "min_ice_thickness": 0.05,
    "dt_iceon_avg": 0.5,
    "avg_surf_temp_thres": 0.5,
}
_WEATHER = {
    "short_wave": "ShortWave",
    "long_wave": "LongWave",
    "air_temperature": "AirTemp",
    "relative_humidity": "RelHum",
    "wind_speed": "WindSpeed",
    "rain": "Rain",
    "snow": "Snow",
}
_START_TEMPERATURE = 4.0  # °C


@dataclass(frozen=True)
class Simulation:
    """What GLM says of a lake, at the end of each day.

    Args:
        temperature: (days, depths), °C; below the bottom of a fallen lake that of the bottom.
        level: (days,), depth of the lake, m.
        ice: (days,), thickness of the ice, m.
        short_wave, long_wave, sensible, latent: (days,), net heat fluxes into the water as GLM
            reports them, W/m², means of the day.
    """

    temperature: Array
    level: Array
    ice: Array
    short_wave: Array
    long_wave: Array
    sensible: Array
    latent: Array


def glmpy(module: str) -> Any:
    """Return a module of glm-py; raise a ValueError that says how to get it where it is absent."""
    try:
        return importlib.import_module(f"glmpy.{module}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("glmpy"):
            raise
        raise ValueError(
            "task 'lake' runs the General Lake Model, which is not installed: "
            "pip install 'optcell-search[lake]' (or glm-py)"
        ) from None


def sparkling_lake() -> Any:
    """Return glm-py's own description of the lake, a ``GLMSim``; ValueError as `glmpy`."""
    simulation = glmpy("simulation").GLMSim
    # Not GLMSim.from_example_sim, which warns of its own way to the file.
    with resources.as_file(resources.files("glmpy.data.example_sims") / _SETTINGS) as path:
        return simulation.from_file(str(path))


def simulate(site: Site, depths: Array, changes: Mapping[str, float]) -> Simulation:
    """Return GLM's run of a lake, from the cache where it has been made before.

    Args:
        site: lake and weather.
        depths: (depths,) below the surface, m.
        changes: parameters that differ from those of Sparkling Lake, as ``section.name``.

    Raises:
        ValueError: glm-py is absent, or GLM cannot run this lake.
    """
    glmpy("simulation")
    path = cache_folder() / f"glm-{_key(site, depths, changes)}.npz"
    if not path.is_file():
        _write(path, _run(site, depths, changes))
    with np.load(path) as stored:
        return Simulation(**{field.name: stored[field.name] for field in fields(Simulation)})


def cache_folder() -> Path:
    """Return where runs are kept: ``optcell_search`` in the user's cache folder."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        # No home, as in containers that run as an unknown user.
        base = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return base / "optcell_search"


def _key(site: Site, depths: Array, changes: Mapping[str, float]) -> str:
    digest = hashlib.sha256(f"{_LAYOUT}/{importlib.metadata.version('glm-py')}/".encode())
    digest.update(json.dumps([sorted(changes.items()), site.start, site.latitude]).encode())
    for values in (depths, site.depths, site.areas, *(site.weather[name] for name in _WEATHER)):
        digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes() + b"/")
    return digest.hexdigest()[:16]


def _write(path: Path, simulation: Simulation) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process may make the same run: whoever renames last wins, with the same content.
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    with os.fdopen(descriptor, "wb") as file:
        np.savez(file, **{f.name: getattr(simulation, f.name) for f in fields(simulation)})
    os.replace(name, path)


def _run(site: Site, depths: Array, changes: Mapping[str, float]) -> Simulation:
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepare(site, changes, folder)
        prepared.prepare_all_inputs()
        # Not GLMSim.run: it changes the process's folder and does not look at the exit status.
        done = subprocess.run(
            [str(glmpy("simulation").glmpy_glm_path()), "--nml", "glm3.nml"],
            cwd=prepared.get_sim_dir(),
            capture_output=True,
            text=True,
            errors="replace",
        )
        output = Path(prepared.get_sim_dir()) / "output"
        days = len(site.weather["short_wave"])
        found = _read(output, depths, days) if done.returncode == 0 else None
    if found is None:
        last = (f"{done.stdout}\n{done.stderr}".strip().splitlines() or ["no output"])[-1]
        raise ValueError(
            f"the General Lake Model could not run {site.where} for {days} days: {last.strip()}"
        )
    return found


def _prepare(site: Site, changes: Mapping[str, float], folder: str) -> Any:
    import pandas as pd

    simulation = sparkling_lake()
    simulation.sim_dir_path = folder
    simulation.set_block("glm", "snowice", glmpy("nml.glm_nml").SnowIceBlock(**_ICE))
    start = np.datetime64(site.start, "D")
    days = start + np.arange(len(site.weather["short_wave"]))
    weather = {column: site.weather[name] for name, column in _WEATHER.items()}
    simulation.set_bc("nldas_driver", pd.DataFrame({"time": days.astype(str), **weather}))
    deepest = float(site.depths[-1])
    settings: dict[str, Any] = {
        "time.timefmt": 2,
        "time.start": str(start),
        "time.stop": str(days[-1]),
        "morphometry.latitude": site.latitude,
        "morphometry.bsn_vals": len(site.depths),
        "morphometry.h": [deepest - depth for depth in site.depths[::-1].tolist()],
        "morphometry.a": site.areas[::-1].tolist(),
        "morphometry.crest_elev": deepest,
        "init_profiles.lake_depth": deepest,
        "init_profiles.the_depths": [0.0, deepest / 2, deepest],
        "init_profiles.the_temps": [_START_TEMPERATURE] * 3,
        # The weather comes as it acts on the lake.
        "meteorology.sw_factor": 1.0,
        **changes,
    }
    for name, value in settings.items():
        simulation.set_param_value("glm", *name.split("."), value)
    simulation.validate()
    return simulation


def _read(output: Path, depths: Array, days: int) -> Simulation | None:
    """Return what GLM wrote, or None where it stopped before its last day."""
    import netCDF4
    import pandas as pd

    daily = pd.read_csv(output / "lake.csv")
    with netCDF4.Dataset(output / "output.nc") as file:
        layers = np.asarray(file["NS"][:], dtype=np.int64)
        tops = np.ma.filled(file["z"][:, :, 0, 0], np.nan).astype(np.float64)
        layered = np.ma.filled(file["temp"][:, :, 0, 0], np.nan).astype(np.float64)
    # The last day has no whole day after it: GLM ends at its beginning.
    if not days - 1 <= len(layers) <= days or len(daily) != len(layers):
        return None
    temperature = np.empty((len(layers), len(depths)))
    for day, count in enumerate(layers):
        top = tops[day, :count]
        middle = (top + np.concatenate(([0.0], top[:-1]))) / 2
        temperature[day] = np.interp(top[-1] - depths, middle, layered[day, :count])

    def column(name: str) -> Array:
        return daily[name].to_numpy(dtype=np.float64)

    return Simulation(
        temperature=temperature,
        level=tops[np.arange(len(layers)), layers - 1],
        ice=column("Blue Ice Thickness") + column("White Ice Thickness"),
        short_wave=column("Daily Qsw"),
        long_wave=column("Daily Qlw"),
        sensible=column("Daily Qh"),
        latent=column("Daily Qe"),
    )
