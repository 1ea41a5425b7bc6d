"""MNIST-1D is what its package makes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from optcell_search import tasks

package = pytest.importorskip("mnist1d.data", reason="mnist1d is an optional extra")


@pytest.mark.parametrize("seed", [42, pytest.param(7, marks=pytest.mark.slow)])
def test_numbers_are_those_of_the_package_for_the_same_seed(seed: int) -> None:
    arguments = package.get_dataset_args()
    arguments.seed = seed
    expected = package.make_dataset(arguments)
    task = tasks.load(f"mnist1d:seed={seed}")
    parts = [task.train, task.validation]
    assert [len(part) for part in parts] == [3500, 500]
    for ours, theirs in zip(
        ([part.inputs for part in parts], [part.targets for part in parts]),
        (expected["x"], expected["y"]),
        strict=True,
    ):
        together = np.concatenate([part.numpy() for part in ours])
        np.testing.assert_allclose(together.reshape(theirs.shape), theirs, rtol=1e-6, atol=1e-6)
    test = task.unseal()
    assert test.inputs.shape == (1000, 40, 1)
    np.testing.assert_array_equal(test.targets, expected["y_test"])


def test_global_random_streams_are_left_alone() -> None:
    random.seed(1)
    np.random.seed(1)
    tasks.load("mnist1d:seed=1")  # not made by an earlier test
    drawn = random.random(), np.random.random_sample()
    random.seed(1)
    np.random.seed(1)
    assert drawn == (random.random(), np.random.random_sample())


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(ValueError, match=r"mnist1d needs .* pip install 'optcell-search\[mnist1d"):
        tasks.load("mnist1d:seed=2", tmp_path)
