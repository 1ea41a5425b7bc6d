"""A trained model that takes raw data and gives answers in the words of the data."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from .base import Answers, How, Inputs, Preprocessing
from .kinds.tables import TablePreprocessing
from .kinds.texts import TextPreprocessing
from .kinds.windows import WindowPreprocessing, tell_levels
from .outputs import refuse_lost
from .ragged import Ragged, answered
from .streams import Stream, stream_of

if TYPE_CHECKING:
    import pandas as pd

# As many sequences at once as in the search's own evaluation: sums are then the same to the bit.
BATCH = 512
_ROWS = {"table": "row", "text": "symbol"}


class Predictor:
    """Answers to raw data.

    Raw data is the path of a file, or what such a file holds: a frame, arrays, series. A model of
    texts takes a text; a file of it is given as a `Path`.

    Args:
        model: trained, in evaluation mode, on the CPU.
        preprocessing: how raw data become its inputs, and its outputs answers.
        chunk: steps of the pieces that sequences are taken in, the state carried on; 0: whole.
    """

    def __init__(self, model: nn.Module, preprocessing: Preprocessing, chunk: int = 0) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.chunk = chunk

    def predict(self, raw: Any, **how: Unpack[How]) -> pd.DataFrame:
        """Return labels, numbers in their unit, next values or next symbols, by target column.

        There is a row for each sequence, by its identifier, or for each row of the data where every
        step is answered. A forecast stands at the time of the last row that it has seen, and there
        is one for each row that ends a whole window, whatever the stride in training was.

        Args:
            raw: see above.
            how: `sep`, `decimal`, `encoding`, `sheet` or `day_first` of a table that is written
                otherwise than the one trained on.

        Raises:
            ValueError: the data does not fit; one line that names file, column and first row. Or
                its values are so large that the model's outputs are no finite numbers.
        """
        inputs, where = self._inputs(raw, how)
        outputs = self._answered(inputs, where)
        return self._framed(self.preprocessing.answers(outputs, inputs), inputs)

    def predict_proba(self, raw: Any, **how: Unpack[How]) -> pd.DataFrame:
        """Return the probability of each class, a column for each, in the rows of `predict`.

        Raises:
            ValueError: the data does not fit, or numbers are predicted.
        """
        inputs, where = self._inputs(raw, how)
        outputs = self._answered(inputs, where)
        return self._framed(self.preprocessing.probabilities(outputs, inputs), inputs)

    def stream(self) -> Stream:
        """Return a stream: rows are fed to it as they come, and its state is kept between them.

        Raises:
            ValueError: the model reads sequences from their end, too, or an empty cell is filled
                from what follows it.
        """
        return stream_of(self.model, self.preprocessing)

    @torch.no_grad()
    def outputs(self, inputs: Inputs) -> Iterator[Tensor]:
        """Give the model's outputs, piece by piece as the search evaluates them.

        Each piece is of `BATCH` sequences (the last one of fewer), and of `chunk` steps. Of inputs
        without padding there is one piece, as `ragged.answered` gives it.
        """
        if isinstance(inputs.values, Ragged):
            yield answered(self.model, inputs.values, every=self._every)
            return
        for index in torch.split(torch.arange(len(inputs)), BATCH):
            values = inputs.values[index]
            if self.chunk:
                state = None
                for piece in torch.split(values, self.chunk, 1):
                    outputs, state = self.model.stream(piece, state)  # type: ignore[operator]
                    yield outputs
            elif inputs.lengths is None:
                yield self.model(values)
            else:
                lengths = inputs.lengths[index]
                yield self.model(
                    pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
                )

    @property
    def _every(self) -> bool:
        """Whether every step is answered."""
        return self.preprocessing.outputs.per == "step"

    def _inputs(self, raw: Any, how: How) -> tuple[Inputs, str]:
        """Return what the model is given, and what messages call the data."""
        preprocessing = self.preprocessing.written(how)
        texts = isinstance(preprocessing, TextPreprocessing)
        if isinstance(raw, Path) or (isinstance(raw, str) and not texts):
            # Every kind has a name for its messages.
            where = str(raw)
            preprocessing = dataclasses.replace(preprocessing, where=where)  # type: ignore[call-arg]
            raw = preprocessing.read(Path(raw))
        else:
            where = "the data given"
            preprocessing = dataclasses.replace(preprocessing, where=where)  # type: ignore[call-arg]
        if isinstance(preprocessing, TextPreprocessing):
            # As one stream; what follows its last symbol is asked for, too.
            symbols = preprocessing.symbols(raw)
            raw = [*symbols, *symbols[-1:]]
            preprocessing = dataclasses.replace(preprocessing, streams=1)
        elif isinstance(preprocessing, WindowPreprocessing):
            preprocessing = preprocessing.after_each_row()
        inputs = preprocessing.inputs(raw)
        for note in inputs.notes:
            warnings.warn(note, stacklevel=3)
        tell_levels(self.model, inputs, np.arange(len(inputs)), where)
        return inputs, where

    def _answered(self, inputs: Inputs, where: str) -> Tensor:
        """Return the outputs for all sequences; what is behind the end of a short one is NaN."""
        pieces = list(self.outputs(inputs))
        if self.chunk:
            count = -(-inputs.values.shape[1] // self.chunk)
            pieces = [torch.cat(pieces[i : i + count], 1) for i in range(0, len(pieces), count)]
        if self._every and not isinstance(inputs.values, Ragged):
            longest = max(piece.shape[1] for piece in pieces)
            pieces = [
                nn.functional.pad(piece, (0, 0, 0, longest - piece.shape[1]), value=torch.nan)
                for piece in pieces
            ]
        outputs = torch.cat(pieces)
        lost = self.preprocessing.outputs.lost(outputs)
        if self._every:
            lost = _of_sequences(lost, inputs)
        refuse_lost(lost, where, lambda number: repr(inputs.names[number]))
        return outputs

    def _framed(self, answers: Answers, inputs: Inputs) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(answers, index=self._index(inputs))

    def _index(self, inputs: Inputs) -> pd.Index[Any]:
        import pandas as pd

        own = self.preprocessing
        if own.outputs.per == "sequence":
            name = "sequence"
            if isinstance(own, TablePreprocessing):
                name = own.layout.sequence
            elif isinstance(own, WindowPreprocessing):
                name = own.time or "rows"
            return pd.Index(inputs.names, name=name)
        rows = np.sort(inputs.rows[inputs.rows >= 0])
        if own.kind in _ROWS:
            return pd.Index(rows + 1, name=_ROWS[own.kind])
        numbers, steps = np.divmod(rows, inputs.values.shape[1])
        names = np.array(inputs.names, dtype=object)[numbers]
        return pd.MultiIndex.from_arrays([names, steps + 1], names=["sequence", "step"])


def _of_sequences(steps: Tensor, inputs: Inputs) -> Tensor:
    """Return (sequences,) whether it is true of any step that stands in the raw data.

    Args:
        steps: (sequences, time), or (steps,) of inputs without padding.
        inputs: what the steps are of.
    """
    rows = torch.from_numpy(inputs.rows)
    if not isinstance(inputs.values, Ragged):
        return (steps & (rows[:, : steps.shape[1]] >= 0)).any(1)
    owner = torch.repeat_interleave(torch.arange(len(inputs)), inputs.values.lengths)
    found = torch.zeros(len(inputs), dtype=torch.bool)
    found[owner[steps & (rows >= 0)]] = True
    return found
