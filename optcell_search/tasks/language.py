"""From a text, as a list of symbols, to the streams of a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from optcell_search.raw import Outputs, TextPreprocessing
from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.goals import NextSymbol

# With a single step nothing is carried on.
_LEAST_STEPS = 2


def preprocessing(
    known: tuple[str, ...], *, unit: Literal["character", "word"], streams: int, where: str
) -> TextPreprocessing:
    """Return how a text becomes streams of numbers over the vocabulary `known`."""
    outputs = Outputs(kind="symbols", per="step", names=("next",), classes=known)
    return TextPreprocessing(outputs=outputs, unit=unit, streams=streams, where=where)


def streams(symbols: str | Sequence[str], made: TextPreprocessing) -> Split:
    """Cut a text into streams that are read side by side, each symbol the target of the one before.

    What is left over at the end, fewer symbols than there are streams, is dropped.

    Raises:
        ValueError: the text is too short.
    """
    if made.steps(len(symbols)) < _LEAST_STEPS:
        raise ValueError(made.too_few(len(symbols), _LEAST_STEPS))
    inputs = made.inputs(symbols)
    return Split(inputs.values, made.targets(symbols, inputs))


def language_data(train: Split, validation: Split, made: TextPreprocessing, chunk: int) -> Data:
    """Return the data of a language model over a vocabulary.

    Chance is to answer the frequencies of the training symbols always.
    """
    goal = NextSymbol(symbols=made.outputs.size)
    counts = torch.bincount(train.known.flatten(), minlength=goal.symbols).double()
    nats = -(counts / counts.sum()).clamp(min=1e-12).log()[validation.known.flatten()]
    scores = goal.finish(torch.stack((nats.sum(), nats.new_tensor(len(nats))))[None])
    return Data(
        train=train,
        validation=validation,
        goal=goal,
        readout="every",
        classes=made.outputs.classes,
        symbols=True,
        chunk=chunk,
        preprocessing=made,
        chance={name: scores[name] for name in goal.metrics},
    )
