"""The copying memory problem: repeat ten symbols after a long pause."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from optcell_search.hyperparameters import choice, integer
from optcell_search.raw import memory
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import IGNORED, Classification

_SYMBOLS = 8
_LENGTH = 10
_BLANK = 0
_MARKER = _SYMBOLS + 1
# While a step is made: its symbol and target, and its one-hot vector in int64 and float32.
_BYTES = 16 + 12 * (_SYMBOLS + 2)


@dataclass(frozen=True, kw_only=True)
class Copying(Task):
    """Ten symbols out of eight, a pause of `lag` steps, a marker, then recall in ten steps.

    A sequence has lag + 20 steps: s_1 … s_10, lag − 1 blanks, the marker, 10 blanks; one-hot over
    blank, 8 symbols and marker. The answer is blank for lag + 10 steps, then s_1 … s_10.

    Splits: `examples` for training and a tenth of that for validation and for test, drawn from
    three fixed seeds. Metrics: accuracy over the ten recall steps (chance is 1/8) and
    cross-entropy over the scored steps; answering blank and then guessing gives
    10 ln 8 / (lag + 20) nats where every step is scored.

    Source: M. Arjovsky, A. Shah, Y. Bengio, arXiv 1511.06464, section 4.1, after S. Hochreiter
    and J. Schmidhuber, 1997. Departure: a finite training set instead of ever new sequences.
    """

    name: ClassVar[str] = "copying"
    title: ClassVar[str] = "repeat ten symbols after a pause of `lag` steps (generated)"

    lag: int = integer(
        200, search=(10, 1000), valid=(1, 10**6), doc="steps between the symbols and their recall"
    )
    scored: str = choice(
        "every",
        options=("every", "recall"),
        doc="which steps the loss takes: all of them as in the paper, or the ten of the recall",
    )
    examples: int = integer(
        10_000, search=(1000, 100_000), valid=(10, 10**7), doc="training sequences"
    )

    def search_data(self, folder: Path) -> Data:
        """Generate training and validation sequences; `folder` is not needed.

        Raises:
            ValueError: they do not fit into memory.
        """
        memory.require(
            self.examples * (self.lag + 2 * _LENGTH) * _BYTES,
            f"copying:lag={self.lag},examples={self.examples}",
            "a smaller lag or fewer examples",
        )
        return Data(
            train=self._generate(0, self.examples),
            validation=self._generate(1, self.examples // 10),
            goal=Classification(classes=_SYMBOLS + 1, judged_steps=_LENGTH),
            readout="every",
            classes=("blank", *(str(symbol) for symbol in range(1, _SYMBOLS + 1))),
        )

    def test_data(self, folder: Path) -> Split:
        """Generate the test sequences; `folder` is not needed."""
        return self._generate(2, self.examples // 10)

    def _generate(self, seed: int, count: int) -> Split:
        drawn = np.random.RandomState(seed).randint(1, _SYMBOLS + 1, size=(count, _LENGTH))
        symbols = torch.tensor(drawn, dtype=torch.int64)
        steps = self.lag + 2 * _LENGTH
        seen = torch.full((count, steps), _BLANK, dtype=torch.int64)
        seen[:, :_LENGTH] = symbols
        seen[:, -_LENGTH - 1] = _MARKER
        before = _BLANK if self.scored == "every" else IGNORED
        targets = torch.full((count, steps), before, dtype=torch.int64)
        targets[:, -_LENGTH:] = symbols
        return Split(functional.one_hot(seen, _SYMBOLS + 2).to(torch.float32), targets)
