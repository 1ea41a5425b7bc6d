"""What the pages' code blocks find when they run."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optcell_search.cli import main


@pytest.fixture(scope="session")
def ray_for_all() -> Iterator[None]:
    """One Ray for the searches of all pages: a worker is a process that has to load torch."""
    import ray

    if ray.is_initialized():
        yield
        return
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
        object_store_memory=128 * 2**20,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory, ray_for_all: None) -> Path:
    """A folder with ``runs/first``, which most guides go on from."""
    folder = tmp_path_factory.mktemp("searched")
    run = str(folder / "runs" / "first")
    asked = ["run", "smoke", "--task", "digits", "--trials", "4", "--epochs", "2"]
    assert main([*asked, "--objectives", "accuracy,parameters", "--out", run]) == 0
    return folder


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    """A reader's folder: a finished run and files of their own."""
    shutil.copytree(searched, tmp_path, dirs_exist_ok=True)
    write_measurements(tmp_path / "measurements.csv")
    write_load(tmp_path / "load.csv")
    (tmp_path / "novel.txt").write_text("It was the best of times. " * 400, encoding="utf-8")
    return tmp_path


def write_measurements(path: Path) -> None:
    """Write sixty patients, five visits each, who are ill or not."""
    random = np.random.default_rng(0)
    rows = [
        {
            "patient": patient,
            "visit": visit,
            "a": random.normal() + patient % 2,
            "b": random.normal(),
            "outcome": ["well", "ill"][patient % 2],
        }
        for patient in range(60)
        for visit in range(5)
    ]
    pd.DataFrame(rows).to_csv(path, index=False)


def write_load(path: Path) -> None:
    """Write three weeks of an hourly load with a daily rhythm."""
    hours = pd.date_range("2026-01-01", periods=21 * 24, freq="h")
    random = np.random.default_rng(1)
    load = 50 + 10 * np.sin(np.arange(len(hours)) * 2 * np.pi / 24) + random.normal(size=len(hours))
    pd.DataFrame({"hour": hours.astype(str), "load": load}).to_csv(path, index=False)
