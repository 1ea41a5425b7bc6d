"""A language model of characters on any text file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from optcell_search.hyperparameters import integer
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.own.arrays import find
from optcell_search.tasks.text import language_data, streams, vocabulary

_SHARES = (0.8, 0.9, 1.0)


@dataclass(frozen=True, kw_only=True)
class CharLM(Task):
    """The next character of a text, as ``PATH.txt:chunk=100``; UTF-8.

    Characters that the training part lacks are <unk>. The model embeds characters and reads out
    with the same weights; its state, the rules' traces with it, is carried through each stream,
    and gradients are cut every `chunk` characters.

    Split: the first 80 % of the text train, the next 10 % are for validation, the last for test.
    Metrics: perplexity and bits per character; knowing nothing gives a perplexity of the number
    of characters.
    """

    name: ClassVar[str] = "charlm"
    title: ClassVar[str] = "next character of your own text: PATH.txt:chunk=100"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    path: str
    vocabulary: int = integer(
        256, search=(64, 1024), valid=(2, 10**6), log=True, doc="characters that are told apart"
    )
    streams: int = integer(32, search=(16, 64), valid=(1, 10**4), doc="texts read side by side")
    chunk: int = integer(
        100, search=(50, 200), valid=(1, 10**5), doc="characters between cut gradients"
    )

    def search_data(self, folder: Path) -> Data:
        """Read the text and take its first nine tenths."""
        train, validation, _ = self._parts(folder)
        known = vocabulary(train, self.vocabulary)
        return language_data(
            self._split(train, known, "training"),
            self._split(validation, known, "validation"),
            known,
            self.chunk,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the text and take its last tenth."""
        train, _, test = self._parts(folder)
        return self._split(test, vocabulary(train, self.vocabulary), "test")

    def _split(self, text: str, known: tuple[str, ...], part: str) -> Split:
        return streams(text, known, self.streams, where=f"{self.path}, {part} part")

    def _parts(self, folder: Path) -> list[str]:
        path = find(self.path, folder)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8 at byte {error.start}") from None
        ends = [0, *(round(share * len(text)) for share in _SHARES)]
        return [text[start:end] for start, end in itertools.pairwise(ends)]
