"""What all streams share."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..base import Answers, Inputs, Preprocessing
from ..features import Features
from ..outputs import refuse_lost
from ..reading.columns import row

if TYPE_CHECKING:
    import pandas as pd

# What messages call a piece.
WHERE = "the data given"


class Stream(abc.ABC):
    """Answers to raw data piece by piece: what is fed goes on from what was fed before.

    Each step is answered as if the data ended with it. So the answers are those of
    `Predictor.predict` on everything at once: all of them where every step is answered, else the
    last one of each sequence; `WindowStream` says which forecasts are none of a stream's. A piece
    that is refused changes nothing.

    Args:
        model: trained, in evaluation mode.
        preprocessing: how raw data become its inputs, and its outputs answers.

    Raises:
        ValueError: the model reads sequences from their end, too, and steps are answered.
    """

    # Whether what is fed is answered before its end; a window is whole when it is answered.
    stepwise: ClassVar[bool] = True

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        if self.stepwise and model.cell.bidirectional:  # type: ignore[union-attr]
            raise ValueError(
                "this model reads a sequence in both directions, so it cannot answer before the "
                "end; valid: predict, or a candidate with bidirectional = False"
            )
        self._model = model
        self.preprocessing = preprocessing

    @abc.abstractmethod
    def feed(self, raw: Any, *, proba: bool = False) -> pd.DataFrame:
        """Return the answers to the next piece of the raw data.

        Args:
            raw: the piece, in the form that `Predictor.predict` takes.
            proba: the probability of each class, a column for each, instead of answers.

        Raises:
            ValueError: the piece does not fit, or what was fed before; one line says where.
        """

    @torch.no_grad()
    def _advance(self, values: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return the outputs (steps, outputs) for the next steps of one sequence, and the state."""
        outputs, after = self._model.stream(values.unsqueeze(0), state)  # type: ignore[operator]
        return outputs[0], after

    def _answers(
        self, outputs: Tensor, *, proba: bool, called: Callable[[int], str] = row
    ) -> Answers:
        """Return column → answers to each of the steps (steps, outputs).

        Args:
            outputs: of the model.
            proba: see `feed`.
            called: what messages call each of the steps, counted from 0.
        """
        refuse_lost(self.preprocessing.outputs.lost(outputs), WHERE, called)
        ask = self.preprocessing.probabilities if proba else self.preprocessing.answers
        steps = len(outputs)
        inputs = Inputs(torch.empty(1, steps, 0), None, ("",), np.arange(steps)[None])
        return ask(outputs[None] if self.preprocessing.outputs.per == "step" else outputs, inputs)


def refuse_looking_ahead(*described: Features | None) -> None:
    """Refuse to stream where an empty cell is filled from what follows it."""
    for features in described:
        if features is not None and features.missing == "interpolate":
            raise ValueError(
                "missing=interpolate fills an empty cell from rows that follow it; valid: predict"
            )
