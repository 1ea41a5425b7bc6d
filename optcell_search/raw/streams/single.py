"""Streams of one sequence: its next steps, or the next piece of a text."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..kinds.arrays import ArrayPreprocessing
from ..kinds.series import SeriesPreprocessing
from ..kinds.tensors import TensorPreprocessing
from ..kinds.texts import TextPreprocessing
from ..ragged import flat
from ..reading.npz import Array
from ..reading.ts import Series
from ..reading.unfit import array_of, refuse_unfit
from .base import WHERE, Stream, refuse_looking_ahead

if TYPE_CHECKING:
    import pandas as pd


class SequenceStream(Stream):
    """Feeds arrays (steps, features) of one sequence."""

    preprocessing: ArrayPreprocessing | SeriesPreprocessing | TensorPreprocessing

    def __init__(
        self,
        model: nn.Module,
        preprocessing: ArrayPreprocessing | SeriesPreprocessing | TensorPreprocessing,
    ) -> None:
        super().__init__(model, preprocessing)
        self._state: Any = None
        self._last: Array | None = None
        self._steps = 0
        if isinstance(preprocessing, SeriesPreprocessing):
            refuse_looking_ahead(preprocessing.features)

    def feed(self, raw: Any, *, proba: bool = False) -> pd.DataFrame:
        """Return the answers to the next steps, numbered from 1 on."""
        import pandas as pd

        refuse_unfit(raw, WHERE)
        values, last = self._values(raw)
        outputs, state = self._advance(values, self._state)
        steps = range(self._steps + 1, self._steps + len(values) + 1)
        answers = self._answers(outputs, proba=proba)
        self._state, self._last, self._steps = state, last, self._steps + len(values)
        return pd.DataFrame(answers, index=pd.Index(steps, name="step"))

    def _values(self, raw: Any) -> tuple[Tensor, Array | None]:
        """Return (steps, features), and what a later empty value is filled by, if it may be."""
        made = dataclasses.replace(self.preprocessing, where=WHERE)
        if not isinstance(made, SeriesPreprocessing):
            try:
                steps = array_of(raw)
            except ValueError:
                raise ValueError(
                    f"{WHERE}: steps of unequal width; valid: (steps, features)"
                ) from None
            return flat(made.inputs(steps[None]).values)[0], None
        piece, before = made.numbers(raw, WHERE), 0
        if self._last is not None and made.features.missing == "forward":
            piece, before = np.concatenate((self._last, piece)), 1
        # A single sequence needs no padding, whatever its length.
        values = flat(made.inputs(Series([piece], [], where=WHERE)).values)[0, before:]
        return values, made.features.fill(piece)[-1:, : piece.shape[1]]


class TextStream(Stream):
    """Feeds pieces of one text; what follows each symbol is answered."""

    preprocessing: TextPreprocessing

    def __init__(self, model: nn.Module, preprocessing: TextPreprocessing) -> None:
        super().__init__(model, preprocessing)
        self._state: Any = None
        self._steps = 0

    def feed(self, raw: Any, *, proba: bool = False) -> pd.DataFrame:
        """Return the answers to the next symbols, numbered from 1 on."""
        import pandas as pd

        made = dataclasses.replace(self.preprocessing, where=WHERE)
        symbols = made.symbols(raw)
        if not symbols:
            raise ValueError(f"{WHERE} has no {made.unit}")
        for note in made.notes(symbols):
            warnings.warn(note, stacklevel=2)
        numbers = torch.tensor(made.numbers(symbols), dtype=torch.float32)
        outputs, state = self._advance(numbers[:, None], self._state)
        steps = range(self._steps + 1, self._steps + len(symbols) + 1)
        answers = self._answers(outputs, proba=proba)
        self._state, self._steps = state, self._steps + len(symbols)
        return pd.DataFrame(answers, index=pd.Index(steps, name="symbol"))
