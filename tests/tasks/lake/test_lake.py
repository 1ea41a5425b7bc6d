"""Task `lake`: the twin experiment, a lake of the user's own, and what is wrong with its files."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.tasks.lake import glm
from optcell_search.tasks.lake.lake import Lake

glmpy = pytest.importorskip("glmpy", reason="glm-py is an optional extra")

DAYS = 3 * 365 + 2
Row = Sequence[Any]


def write(path: Path, header: str, rows: list[list[Any]]) -> str:
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header.split(","))
        table.writerows(rows)
    return path.name


def weather(days: int = DAYS) -> list[list[Any]]:
    """A mild, made-up climate: summers of 25 °C, winters of 1 °C."""
    first = date(2001, 4, 1)
    wave = [float(torch.sin(torch.tensor(2 * torch.pi * (t - 20) / 365))) for t in range(days)]
    return [
        [first + timedelta(t), 170 + 100 * w, 310 + 40 * w, 13 + 12 * w, 70, 3, 0.002, 0]
        for t, w in enumerate(wave)
    ]


HEADER = "date,short_wave,long_wave,air_temperature,relative_humidity,wind_speed,rain,snow"
BASIN: list[list[Any]] = [[0, 2e5], [3, 1.2e5], [6, 6e4], [9.5, 0]]


def observations(days: int = DAYS) -> list[list[Any]]:
    first = date(2001, 4, 1)
    seen = [(t, d) for t in range(0, days, 30) for d in (0, 4.2)]
    return [[first + timedelta(t), d, 10 + 0.1 * d + 0.001 * t] for t, d in seen]


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., str]:
    """Writes the three files of a lake, some of them changed, and returns its spec."""

    def make(
        drivers: list[list[Any]] | None = None,
        basin: list[list[Any]] | None = None,
        seen: list[list[Any]] | None = None,
    ) -> str:
        write(tmp_path / "weather.csv", HEADER, weather() if drivers is None else drivers)
        write(tmp_path / "basin.csv", "depth,area", BASIN if basin is None else basin)
        rows = observations() if seen is None else seen
        write(tmp_path / "seen.csv", "date,depth,temperature", rows)
        return "lake:share=100,drivers=weather.csv,observations=seen.csv,hypsography=basin.csv"

    return make


def test_twin_is_split_by_time_and_observed_once_a_week() -> None:
    task = tasks.load("lake:years=5,share=100")
    assert [len(task.train), len(task.validation), len(task.unseal())] == [3, 1, 1]
    days = [split.drivers["short_wave"] for split in (task.train, task.validation, task.test)]
    whole = torch.cat(days)
    later = tasks.load("lake:years=3").train.drivers["short_wave"]
    assert torch.equal(whole[:1], later)
    seen = ~task.train.targets.isnan()
    weekly = seen.flatten(0, 1).any(-1)
    assert weekly.nonzero().flatten().tolist() == list(range(0, 3 * 365, 7))
    # 19 depths, the deepest of which fall dry now and then.
    assert 17 * 157 < int(seen.sum()) <= 19 * 157


def test_share_reveals_training_observations_alone() -> None:
    whole = tasks.load("lake:years=5,share=100")
    count = int((~whole.train.targets.isnan()).sum())
    for share in (0.2, 2, 20):
        task = tasks.load(f"lake:years=5,share={share}")
        there = ~task.train.targets.isnan()
        assert int(there.sum()) == round(share / 100 * count)
        assert torch.equal(task.train.targets[there], whole.train.targets[there])
        for name in ("validation", "train"):
            assert torch.equal(getattr(task, name).inputs, getattr(whole, name).inputs)
        assert torch.equal(
            task.validation.targets.nan_to_num(), whole.validation.targets.nan_to_num()
        )


def test_seed_draws_another_twin_of_the_same_process_model() -> None:
    one, two = tasks.load("lake:years=3,share=100"), tasks.load("lake:years=3,share=100,seed=1")
    assert torch.equal(one.train.drivers["process"], two.train.drivers["process"])
    assert one.fingerprint != two.fingerprint
    for task in (one, two):
        process = (task.train.drivers["process"] - 10) / 10
        score = task.score(process, task.train.targets, task.train.drivers)
        assert 0.4 < score["rmse"] < 5.0  # more than the noise, less than no idea
    assert not torch.allclose(one.train.targets, two.train.targets, equal_nan=True)


def test_pretraining_is_the_process_model_on_the_training_days() -> None:
    task = tasks.load("lake:years=3")
    before = task.pretraining
    assert before is not None
    assert torch.equal(before.inputs, task.train.inputs)
    assert torch.equal(before.targets, task.train.drivers["process"])
    assert not before.targets.isnan().any()


def test_a_run_is_made_once_and_again_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = tasks.load("lake:years=3")
    kept = sorted((tmp_path / "optcell_search").iterdir())
    assert [path.suffix for path in kept] == [".npz", ".npz"]  # the process model and the twin
    run = subprocess.run
    monkeypatch.setattr(glm.subprocess, "run", lambda *a, **k: pytest.fail("GLM ran again"))
    assert tasks.load("lake:years=3,share=20").train.inputs.equal(first.train.inputs)
    monkeypatch.setattr(glm.subprocess, "run", run)
    for path in kept:
        path.unlink()
    assert tasks.load("lake:years=3").fingerprint == first.fingerprint


def test_own_lake_is_read_from_three_files(own: Callable[..., str], tmp_path: Path) -> None:
    task = tasks.load(own(), tmp_path)
    assert task.output_size == 10
    train = task.train
    assert train.targets[0, 0].nan_to_num(-1).tolist()[:5] == pytest.approx([10, -1, -1, -1, 10.42])
    assert train.drivers["area"][0].tolist() == pytest.approx(
        [2e5, 173333.3, 146666.7, 1.2e5, 1e5, 8e4, 6e4, 42857.1, 25714.3, 8571.4], rel=1e-4
    )
    thickness = train.drivers["thickness"][0]
    assert thickness.tolist() == pytest.approx([0.5, *[1.0] * 8, 1.0])
    assert float(thickness.sum()) == pytest.approx(9.5)
    summer = train.drivers["process"][0, 120]
    assert 15 < summer[0] < 35
    assert summer[0] > summer[-1]


def changed(rows: list[list[Any]], row: int, column: int, value: object) -> list[list[Any]]:
    copy = [list(one) for one in rows]
    copy[row][column] = value
    return copy


FAULTS = {
    "hypsography is not increasing: depth 6 is followed by 3": {
        "basin": [[0, 2e5], [6, 1e5], [3, 5e4]]
    },
    "areas that never grow with depth": {"basin": [[0, 1e5], [6, 2e5]]},
    "the first of depth 0": {"basin": [[1, 1e5], [6, 1e4]]},
    "drivers have a gap, 2001-04-10 is followed by 2001-04-12": {
        "drivers": weather()[:10] + weather()[11:]
    },
    "wind_speed has a gap: 1 empty cells, the first in row 6": {
        "drivers": changed(weather(), 5, 5, "")
    },
    "short_wave = -3 is out of range; valid: 0 to 1000 W/m²": {
        "drivers": changed(weather(), 5, 1, -3)
    },
    "relative_humidity is 0.7 % on the mean of all days; valid: means of 5 to 105 %": {
        "drivers": [[*row[:4], row[4] / 100, *row[5:]] for row in weather()]
    },
    "rain is 0.4 m/day on the mean of all days; valid: means of 0 to 0.04 m/day": {
        "drivers": [[*row[:6], 0.4, row[7]] for row in weather()]
    },
    "column 'date': row 6 holds 'May', which is not written like": {
        "drivers": changed(weather(), 5, 0, "May")
    },
    "are too few to split; valid: 1096 days or more": {"drivers": weather(700)},
    "negative density: water of 700 °C would have": {"seen": changed(observations(), 3, 2, 700)},
    "temperature = 60 is out of range; valid: -2 to 50 °C": {
        "seen": changed(observations(), 3, 2, 60)
    },
    "depth = 12 is out of range; valid: 0 to 9.5 m": {"seen": changed(observations(), 3, 1, 12)},
    "observations must lie within the 1097 days of drivers from 2001-04-01 on": {
        "seen": changed(observations(), 0, 0, "2000-01-01")
    },
}


@pytest.mark.parametrize("complaint", FAULTS)
def test_a_fault_of_the_files_is_one_line(
    complaint: str, own: Callable[..., str], tmp_path: Path
) -> None:
    spec = own(**FAULTS[complaint])
    seen = tmp_path / "seen.csv"
    if "seen" not in FAULTS[complaint] and "few" not in complaint:
        seen.unlink()  # what is wrong with the lake is found before GLM is run
    found = complaint_of(lambda: tasks.load(spec, tmp_path))
    assert found is not None
    assert complaint in found
    assert "\n" not in found
    assert ".csv" in found


def test_columns_that_lack_are_named(own: Callable[..., str], tmp_path: Path) -> None:
    spec = own()
    write(tmp_path / "basin.csv", "deep,area", BASIN)
    found = complaint_of(lambda: tasks.load(spec, tmp_path))
    assert found is not None
    assert "no column depth; valid: depth, area" in found


def test_temperatures_that_never_change_are_refused(
    own: Callable[..., str], tmp_path: Path
) -> None:
    same = [[*row[:2], 8.5] for row in observations()]
    with pytest.raises(ValueError, match=r"every target of the training split is 8\.5, 8\.5, so"):
        tasks.load(own(seen=same), tmp_path)


def test_files_come_together(tmp_path: Path) -> None:
    found = complaint_of(lambda: Lake(drivers="weather.csv"))
    assert found is not None
    assert "missing: hypsography, observations" in found


def test_without_glm_py_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "glmpy", None)
    for name in [name for name in sys.modules if name.startswith("glmpy.")]:
        monkeypatch.delitem(sys.modules, name)
    found = complaint_of(lambda: tasks.load("lake"))
    assert found is not None
    assert "pip install 'optcell-search[lake]'" in found
    assert "\n" not in found


def test_a_lake_that_glm_cannot_run_is_refused(
    monkeypatch: pytest.MonkeyPatch, own: Callable[..., str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    failed = subprocess.CompletedProcess([], 1, stdout="all is well\nDay 3 is missing\n", stderr="")
    monkeypatch.setattr(glm.subprocess, "run", lambda *args, **kwargs: failed)
    found = complaint_of(lambda: tasks.load(own(), tmp_path))
    assert found is not None
    assert "could not run" in found
    assert "Day 3 is missing" in found
    assert not (tmp_path / "cache").exists()


def test_a_user_without_a_home_has_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert glm.cache_folder().name == "optcell_search"
