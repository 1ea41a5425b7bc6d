"""The adding problem: the sum of two marked numbers, far apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from optcell_search.hyperparameters import integer
from optcell_search.raw import memory
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import Regression

# While a step is made: two channels in float64 twice, and in float32.
_BYTES = 40


@dataclass(frozen=True, kw_only=True)
class Adding(Task):
    """Numbers drawn evenly from [0, 1), two of them marked, one in each half; answer their sum.

    Channel 0 holds the numbers, channel 1 is 1 at the two marked steps and 0 elsewhere.

    Splits: `examples` for training and a tenth of that for validation and for test, drawn from
    three fixed seeds. Metrics: mean squared and mean absolute error; always answering 1 gives a
    mean squared error of 1/6.

    Source: M. Arjovsky, A. Shah, Y. Bengio, arXiv 1511.06464, section 4.2, after S. Hochreiter
    and J. Schmidhuber, 1997. Departure: a finite training set instead of ever new sequences.
    """

    name: ClassVar[str] = "adding"
    title: ClassVar[str] = "add the two marked numbers of a long sequence (generated)"

    length: int = integer(200, search=(50, 1000), valid=(2, 10**6), doc="steps of a sequence")
    examples: int = integer(
        10_000, search=(1000, 100_000), valid=(10, 10**7), doc="training sequences"
    )

    def search_data(self, folder: Path) -> Data:
        """Generate training and validation sequences; `folder` is not needed.

        Raises:
            ValueError: they do not fit into memory.
        """
        memory.require(
            self.examples * self.length * _BYTES,
            f"adding:length={self.length},examples={self.examples}",
            "a smaller length or fewer examples",
        )
        return Data(
            train=self._generate(0, self.examples),
            validation=self._generate(1, self.examples // 10),
            goal=Regression(values=1),
            readout="last",
        )

    def test_data(self, folder: Path) -> Split:
        """Generate the test sequences; `folder` is not needed."""
        return self._generate(2, self.examples // 10)

    def _generate(self, seed: int, count: int) -> Split:
        random = np.random.RandomState(seed)
        numbers = random.random_sample((count, self.length))
        half = self.length // 2
        first = random.randint(0, half, size=count)
        second = random.randint(half, self.length, size=count)
        rows = np.arange(count)
        marks = np.zeros_like(numbers)
        marks[rows, first] = 1.0
        marks[rows, second] = 1.0
        sums = numbers[rows, first] + numbers[rows, second]
        return Split(
            torch.tensor(np.stack((numbers, marks), axis=-1), dtype=torch.float32),
            torch.tensor(sums[:, None], dtype=torch.float32),
        )
