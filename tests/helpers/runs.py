"""Searches that take seconds: for the tests of all that needs a run folder or a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import own_postgres
import pytest

from optcell_search import registry
from optcell_search.ledger import folder as folders
from optcell_search.ledger.request import Request
from optcell_search.tuning.resolving.resolve import resolve

PLUGINS = Path(__file__).parents[1] / "tuning" / "plugins"

# Two candidates' worth of everything, and nothing that takes time to train.
SPACE: dict[str, Any] = {
    "name": "tiny",
    "cells": ["rnn"],
    "rules": ["gd", "heavy_ball"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "rule": {"gd": {"s": 1.0}, "heavy_ball": {"s": 0.6}},
    "model": {"hidden_size": {"choices": [2, 3]}},
    "training": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}},
}

# Eight candidates in all.
SMALL_SPACE: dict[str, Any] = {
    **SPACE,
    "rule": {"gd": {"s": 1.0}, "heavy_ball": {"mu": 0.6, "s": 0.6}},
    "training": {"lr": {"choices": [0.01, 0.1]}},
}


def faulty_space(*faults: int) -> dict[str, Any]:
    """A space with one candidate for each fault of the rule in `plugins`."""
    return {
        "name": "faulty",
        "cells": ["rnn"],
        "rules": ["faulty"],
        "cell": {"rnn": {"nonlinearity": "tanh"}},
        "rule": {"faulty": {"fault": {"choices": list(faults)}}},
        "model": {"hidden_size": 2},
    }


def write_tiny_data(folder: Path) -> str:
    """Write a data file with forty sequences of three steps; return its path."""
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 3, 2)).astype("float32")
    path = folder / "tiny.npz"
    np.savez(path, x=x, y=(x.sum((1, 2)) > 0).astype("int64"))
    return str(path)


def write_series(folder: Path) -> str:
    """Write a series of 120 rows; return the task of forecasting two of them from six."""
    random = np.random.default_rng(0)
    path = folder / "series.csv"
    path.write_text("y\n" + "\n".join(f"{v:.4f}" for v in random.normal(size=120).cumsum()) + "\n")
    return f"forecast:file={path},target=y,window=6,horizon=2"


def a_request(task: str, **changes: Any) -> Request:
    """A resolved request for a small search."""
    options = {"space": SPACE, "task": task, "num_trials": 4, "epochs": 2, "workers": 2, **changes}
    return resolve(**options)


def a_run(folder: Path, task: str) -> Path:
    """A run folder whose search has not begun."""
    folders.make(folder, a_request(task))
    return folder


@contextmanager
def installed(
    monkeypatch: pytest.MonkeyPatch, plugins: registry.Registry, site: Path = PLUGINS
) -> Iterator[None]:
    """What a folder holds is installed meanwhile, as plug-ins of one kind."""
    monkeypatch.syspath_prepend(str(site))
    plugins.__dict__.pop("_plugins", None)
    yield
    plugins.__dict__.pop("_plugins", None)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, once for all tests."""
    try:
        with own_postgres.server() as url:
            yield url
    except own_postgres.MissingError as error:
        pytest.skip(str(error))


_address: str | None = None  # of the cluster that `start_cluster` started last
_gpus = 0


def start_cluster(gpus: int) -> None:
    """Have a Ray cluster of two CPUs whose workers know the faulty rule.

    It goes on running for the files that come after, as every worker has to load torch. A cluster
    that another test has left, with other resources, ends first: what is asked of it would wait
    for ever.
    """
    global _address, _gpus
    import ray

    if ray.is_initialized():
        if (ray.get_runtime_context().gcs_address, gpus) == (_address, _gpus):
            return
        ray.shutdown()
    changes = {
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "PYTHONPATH": os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")]),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            patch.setenv(name, value)
        ray.init(
            address="local",
            num_cpus=2,
            num_gpus=gpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=128 * 2**20,
        )
    _address, _gpus = ray.get_runtime_context().gcs_address, gpus


@pytest.fixture(scope="module")
def cluster() -> None:
    """A Ray cluster with a GPU that is not there: for what is about Ray's sharing it out."""
    start_cluster(gpus=1)


@pytest.fixture
def faulty_rule(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The faulty rule is installed, for this test."""
    with installed(monkeypatch, registry.rules):
        yield
