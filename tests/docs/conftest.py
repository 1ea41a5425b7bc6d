"""What the pages' code blocks find when they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from following import ROOT
from runs import start_cluster

from optcell_search.cli import main


@pytest.fixture(scope="module")
def ray() -> None:
    """One Ray for the searches of all pages: a worker is a process that has to load torch."""
    start_cluster(gpus=0)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. A broken link, anchor or reference fails the build."""
    folder = tmp_path_factory.mktemp("site")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, ray: None) -> Path:
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
