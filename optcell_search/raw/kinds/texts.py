"""Texts, symbol by symbol: a vocabulary, and streams that are read side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ..base import Inputs, Preprocessing
from ..outputs import Outputs
from ..reading.columns import shown

UNKNOWN = "<unk>"
_MOST_NOTES = 10


def vocabulary(symbols: Sequence[str], size: int) -> tuple[str, ...]:
    """Return `UNKNOWN` and the most frequent symbols, `size` at most; ties in order of the text."""
    counts = Counter(symbols)
    counts.pop(UNKNOWN, None)
    return (UNKNOWN, *(symbol for symbol, _ in counts.most_common(size - 1)))


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing(Preprocessing):
    """A text as numbers of its symbols, each the target of the one before.

    The vocabulary are the classes of `outputs`; a symbol outside it is `UNKNOWN`, number 0.

    Args:
        unit: whether a symbol is a character or a word, words apart by white space.
        streams: how many pieces a text is cut into that are read side by side; what is left over at
            the end, fewer symbols than that, is dropped.
        where: what the text is called in messages.
    """

    kind: ClassVar[str] = "text"

    unit: Literal["character", "word"] = "character"
    streams: int = 1
    where: str = "text"

    @classmethod
    def of(cls, data: dict[str, Any]) -> TextPreprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(**{**data, "outputs": Outputs.from_dict(data["outputs"])})

    def read(self, path: Path) -> str:
        """Return the text of a file in UTF-8."""
        return read_text(path)

    def numbers(self, symbols: Sequence[str]) -> list[int]:
        """Return the number of each symbol, 0 where it is unknown."""
        place = {symbol: number for number, symbol in enumerate(self.outputs.classes)}
        return [place.get(symbol, 0) for symbol in symbols]

    def symbols(self, raw: str | Sequence[str]) -> Sequence[str]:
        """Return the symbols of a text; a list of symbols is one already."""
        if not (isinstance(raw, str) or (isinstance(raw, Sequence) and all(map(_is_text, raw)))):
            raise ValueError(
                f"{self.where}: a {type(raw).__name__}; valid: a text, or a Path of it"
            )
        return raw.split() if isinstance(raw, str) and self.unit == "word" else raw

    def inputs(self, raw: str | Sequence[str]) -> Inputs:
        """Return (streams, steps, 1) symbol numbers; the last symbol is a target alone."""
        symbols = self.symbols(raw)
        steps = self.steps(len(symbols))
        numbers = torch.tensor(self.numbers(symbols[: steps * self.streams]))
        return Inputs(
            numbers.view(self.streams, steps, 1).to(torch.float32),
            None,
            tuple(map(str, range(self.streams))),
            np.arange(steps * self.streams).reshape(self.streams, steps),
            self.notes(symbols),
        )

    def targets(self, raw: str | Sequence[str], inputs: Inputs) -> Tensor:
        """Return (streams, steps): the symbol behind each."""
        symbols = self.symbols(raw)
        steps = self.steps(len(symbols))
        numbers = torch.tensor(self.numbers(symbols[1 : steps * self.streams + 1]))
        return numbers.view(self.streams, steps)

    def steps(self, symbols: int) -> int:
        """Return how long the streams of so many symbols are, of which the last is a target alone.

        Raises:
            ValueError: there is no step.
        """
        steps = (symbols - 1) // self.streams
        if steps < 1:
            raise ValueError(self.too_few(symbols, 1))
        return steps

    def too_few(self, symbols: int, steps: int) -> str:
        """Return the message that so many symbols do not make so many steps."""
        if self.streams == 1 and symbols <= 1:
            return f"{self.where}: an empty text; valid: one {self.unit} or more"
        return (
            f"{self.where}: too few tokens: {symbols}; "
            f"{self.streams} streams need at least {steps * self.streams + 1}"
        )

    def notes(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Return a sentence for each of the first symbols that are not in the vocabulary."""
        known = {*self.outputs.classes}
        unknown: dict[str, int] = {}
        for place, symbol in enumerate(symbols, 1):
            if symbol not in known and symbol not in unknown:
                unknown[symbol] = place
                if len(unknown) == _MOST_NOTES:
                    break
        return tuple(
            f"{self.where}: {self.unit} {shown(symbol)}, first at {place}, is not in the "
            f"vocabulary and read as {UNKNOWN}"
            for symbol, place in unknown.items()
        )


def _is_text(symbol: object) -> bool:
    return isinstance(symbol, str)


def read_text(path: Path) -> str:
    """Return a text in UTF-8, without a mark of it; raises ValueError at which byte it is none."""
    try:
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 at byte {error.start}") from None
