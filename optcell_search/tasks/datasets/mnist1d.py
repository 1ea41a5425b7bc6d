"""MNIST-1D: ten classes of short, noisy, shifted curves, made by the package mnist1d."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from optcell_search.hyperparameters import integer
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.extras import extra
from optcell_search.tasks.goals import Classification

_VALIDATION_SHARE = 8


@dataclass(frozen=True, kw_only=True)
class MNIST1D(Task):
    """5,000 curves of 40 steps in ten classes, as the package mnist1d generates them.

    Split: the package's own 1,000 test curves; validation is the last eighth (500) of its 4,000
    training curves, which come in random order. Metric: accuracy; chance is 0.1. Published:
    logistic regression 0.32, MLP 0.68, GRU 0.91, CNN 0.94, people 0.96.

    Source: S. Greydanus, D. Kobak, Scaling down deep learning with MNIST-1D, ICML 2024, arXiv
    2011.14439.
    """

    name: ClassVar[str] = "mnist1d"
    title: ClassVar[str] = "MNIST-1D: ten classes of 40-step curves (generated; needs mnist1d)"

    seed: int = integer(42, search=(0, 1000), valid=(0, 2**32 - 1), doc="of the package")

    def search_data(self, folder: Path) -> Data:
        """Generate the training and validation curves; `folder` is not needed."""
        curves = _generate(self.seed)
        x, y = curves["x"], curves["y"]
        first = len(x) - len(x) // _VALIDATION_SHARE
        return Data(
            train=_split(x[:first], y[:first]),
            validation=_split(x[first:], y[first:]),
            goal=Classification(classes=10),
            readout="last",
            classes=tuple("0123456789"),
        )

    def test_data(self, folder: Path) -> Split:
        """Generate the test curves; `folder` is not needed."""
        curves = _generate(self.seed)
        return _split(curves["x_test"], curves["y_test"])


@functools.lru_cache(maxsize=1)
def _generate(seed: int) -> dict[str, Any]:
    """Return what the package makes, 4 s of work: kept, as the test split is of the same making."""
    package = extra("mnist1d.data", needed_by="task mnist1d", name="mnist1d")
    arguments = package.get_dataset_args()
    arguments.seed = seed
    # The package draws from the global streams; they are given back as they were.
    before = random.getstate(), np.random.get_state()
    try:
        curves: dict[str, Any] = package.make_dataset(arguments)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
    return curves


def _split(x: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> Split:
    inputs = torch.tensor(x, dtype=torch.float32).unsqueeze(-1)
    return Split(inputs, torch.tensor(y, dtype=torch.int64))
