"""How a fit comes to its Ray."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
import ray
from serial_searches import QUICK

from optcell_search import OptCellRegressor


@pytest.mark.usefixtures("cluster")
def test_a_fit_uses_the_ray_there_is_and_leaves_things_as_they_were() -> None:
    def surroundings() -> tuple[object, ...]:
        address = ray.get_runtime_context().gcs_address
        return address, dict(os.environ), logging.getLogger("ray").level

    before = surroundings()
    x = np.random.default_rng(0).normal(size=(30, 5, 1))
    made = OptCellRegressor(**QUICK).fit(x, x.sum((1, 2)))
    assert surroundings() == before
    assert made.run_.results()["state"].tolist() == ["COMPLETE"]
    # A worker of Ray has trained it, not this process.
    workers = {trial.user_attrs["worker"] for trial in made.run_._study.trials}
    assert not any(worker.endswith(f":{os.getpid()}") for worker in workers)
    assert made.predict(x).shape == (30,)
