"""scikit-learn's handwritten digits, read row by row or pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from optcell_search.hyperparameters import choice
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import Classification
from optcell_search.tasks.splitting import TEST_SHARE, VALIDATION_SHARE, Index, stratified


@dataclass(frozen=True, kw_only=True)
class Digits(Task):
    """1,797 real 8×8 images of handwritten digits, part of scikit-learn; grey levels in [0, 1].

    Split: 20 % test, 16 % validation, 64 % training, each with every digit in equal proportion.
    Metric: accuracy; chance is 0.1.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998
    (the part that its authors call testing; 43 writers over both parts).
    """

    name: ClassVar[str] = "digits"
    title: ClassVar[str] = "1,797 handwritten 8x8 digits that come with scikit-learn"

    steps: str = choice(
        "rows",
        options=("rows", "pixels", "image"),
        doc="what one step sees: a row of 8 pixels (8 steps), one pixel (64 steps), or the image",
    )

    def search_data(self, folder: Path) -> Data:
        """Read the training and validation splits; `folder` is not needed."""
        splits, labels = self._parts()
        train, validation, _ = splits
        return Data(
            train=self._split(train),
            validation=self._split(validation),
            goal=Classification(classes=len(labels)),
            readout="last",
            classes=labels,
            frame=(1, 8, 8) if self.steps == "image" else None,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the test split; `folder` is not needed."""
        return self._split(self._parts()[0][2])

    def _parts(self) -> tuple[tuple[Index, ...], tuple[str, ...]]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        parts = stratified(
            bunch.target.astype(np.int64), (VALIDATION_SHARE, TEST_SHARE), where=self.name
        )
        return parts, tuple(str(name) for name in bunch.target_names)

    def _split(self, index: Index) -> Split:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = torch.tensor(bunch.images[index] / 16.0, dtype=torch.float32)
        shape = {"rows": (8, 8), "pixels": (64, 1), "image": (1, 64)}[self.steps]
        inputs = images.reshape(len(index), *shape)
        return Split(inputs, torch.tensor(bunch.target[index], dtype=torch.int64))
