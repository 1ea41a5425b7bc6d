"""From a text, as a list of symbols, to the streams of a language model, and how it is judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.goals import Goal

UNKNOWN = "<unk>"
_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True, kw_only=True)
class NextSymbol(Goal):
    """Which symbol comes next: cross-entropy, told as perplexity and as bits a symbol.

    Outputs are logits (..., symbols), targets symbol numbers (...), int64.

    Args:
        symbols: how many there are.
    """

    metrics: ClassVar[dict[str, str]] = {"perplexity": "minimize", "bits": "minimize"}

    symbols: int

    @property
    def output_size(self) -> int:
        """Number of symbols."""
        return self.symbols

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats."""
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (sum of cross-entropy, symbols)."""
        entropy = functional.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), reduction="none"
        )
        return torch.stack((entropy.double().sum(), entropy.new_tensor(len(entropy)).double()))

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Return perplexity, bits and loss (nats), each per symbol."""
        entropy, count = tally.tolist()
        nats = entropy / count
        return {
            # Of a model worse than any float can say, the largest that can be said.
            "perplexity": math.exp(min(nats, _LARGEST_EXPONENT)) if nats == nats else nats,
            "bits": nats / math.log(2),
            "loss": nats,
        }


def vocabulary(symbols: Sequence[str], size: int) -> tuple[str, ...]:
    """Return `UNKNOWN` and the most frequent symbols, `size` at most; ties in order of the text."""
    counts = Counter(symbols)
    counts.pop(UNKNOWN, None)
    return (UNKNOWN, *(symbol for symbol, _ in counts.most_common(size - 1)))


def streams(symbols: Sequence[str], known: tuple[str, ...], count: int, *, where: str) -> Split:
    """Cut a text into streams that are read side by side, each symbol the target of the one before.

    What is left over at the end, fewer than `count` symbols, is dropped.

    Args:
        symbols: the text.
        known: the vocabulary; any other symbol becomes its first.
        count: how many streams.
        where: what is cut, for the error message.

    Raises:
        ValueError: the text is too short.
    """
    steps = (len(symbols) - 1) // count
    if steps < 2:
        raise ValueError(
            f"{where}: too few tokens: {len(symbols)}; "
            f"{count} streams need at least {2 * count + 1}"
        )
    numbers = {symbol: number for number, symbol in enumerate(known)}
    text = torch.tensor([numbers.get(symbol, 0) for symbol in symbols[: steps * count + 1]])
    inputs = text[:-1].view(count, steps, 1).to(torch.float32)
    return Split(inputs, text[1:].view(count, steps))


def language_data(train: Split, validation: Split, known: tuple[str, ...], chunk: int) -> Data:
    """Return the data of a language model over the vocabulary `known`."""
    return Data(
        train=train,
        validation=validation,
        goal=NextSymbol(symbols=len(known)),
        readout="every",
        classes=known,
        symbols=True,
        chunk=chunk,
    )
