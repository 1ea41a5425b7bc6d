"""A language model of characters on any text file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from optcell_search.hyperparameters import integer
from optcell_search.raw.kinds.texts import read_text, vocabulary
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.language import language_data, preprocessing, streams
from optcell_search.tasks.own.finding import find

_SHARES = (0.8, 0.9, 1.0)
_PARTS = ("train", "validation", "test")


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
        known = vocabulary(self.raw(folder, "train"), self.vocabulary)
        train, validation = (self._split(folder, part, known) for part in _PARTS[:2])
        made = preprocessing(
            known, unit="character", streams=self.streams, where=Path(self.path).name
        )
        return language_data(train, validation, made, self.chunk)

    def test_data(self, folder: Path) -> Split:
        """Read the text and take its last tenth."""
        return self._split(folder, "test", vocabulary(self.raw(folder, "train"), self.vocabulary))

    def raw(self, folder: Path, part: str) -> str:
        """Return a part of the text."""
        text = read_text(find(self.path, folder))
        ends = [0, *(round(share * len(text)) for share in _SHARES)]
        start, end = list(itertools.pairwise(ends))[_PARTS.index(part)]
        return text[start:end]

    def _split(self, folder: Path, part: str, known: tuple[str, ...]) -> Split:
        where = f"{self.path}, {'training' if part == 'train' else part} part"
        made = preprocessing(known, unit="character", streams=self.streams, where=where)
        return streams(self.raw(folder, part), made)
