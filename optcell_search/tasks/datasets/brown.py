"""A language model of words on the Brown corpus."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from optcell_search.hyperparameters import integer
from optcell_search.raw.kinds.texts import vocabulary
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.language import language_data, preprocessing, streams

_PLACES = (".", "corpora", "nltk_data/corpora")
_END = "<eos>"
# Files in order of name, so that every genre is in every part: 8 of 10 train.
_PARTS = {8: "validation", 9: "test"}


@dataclass(frozen=True, kw_only=True)
class Brown(Task):
    """The next word in the Brown corpus: 500 texts of 1961 in 15 genres, 1.16 million words.

    Reads ``brown.zip`` as NLTK has it, or the folder ``brown`` of its files, in the data folder,
    its ``corpora`` or ``nltk_data/corpora``. Words keep their case; each sentence ends with
    <eos>; words outside the most frequent `vocabulary` of the training part are <unk>. The model
    embeds words and reads out with the same weights; its state, the rules' traces with it, is
    carried through each stream, and gradients are cut every `chunk` words.

    Split: of the files in order of name every ninth of ten is for validation, every tenth for
    test. Metrics: perplexity and bits per word; always answering the frequencies of the training
    words gives a perplexity of 417 on validation (119 with 2,000 words), knowing nothing gives
    `vocabulary`.

    Source: W. N. Francis, H. Kucera, Brown Corpus Manual, 1964/1979.
    """

    name: ClassVar[str] = "brown"
    title: ClassVar[str] = "next word in the Brown corpus (brown.zip in the data folder)"

    vocabulary: int = integer(
        10_000, search=(1000, 20_000), valid=(2, 10**6), log=True, doc="words that are told apart"
    )
    streams: int = integer(32, search=(16, 64), valid=(1, 10**4), doc="texts read side by side")
    chunk: int = integer(35, search=(20, 100), valid=(1, 10**5), doc="words between cut gradients")

    def search_data(self, folder: Path) -> Data:
        """Read the training and validation texts."""
        parts = self._read(folder)
        known = vocabulary(parts["train"], self.vocabulary)
        train, validation = (self._split(parts, name, known) for name in ("train", "validation"))
        made = preprocessing(known, unit="word", streams=self.streams, where="brown")
        return language_data(train, validation, made, self.chunk)

    def test_data(self, folder: Path) -> Split:
        """Read the test texts."""
        parts = self._read(folder)
        return self._split(parts, "test", vocabulary(parts["train"], self.vocabulary))

    def _split(self, parts: dict[str, list[str]], name: str, known: tuple[str, ...]) -> Split:
        where = f"brown, {name} part"
        made = preprocessing(known, unit="word", streams=self.streams, where=where)
        return streams(parts[name], made)

    def files(self, folder: Path) -> list[Path]:
        """Return the corpus in all the forms that are there."""
        places = [folder / place for place in _PLACES]
        files = [place / "brown.zip" for place in places]
        files += [path for place in places for path in sorted((place / "brown").glob("*"))]
        return [path for path in files if path.is_file()]

    def _read(self, folder: Path) -> dict[str, list[str]]:
        parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
        for number, (_, text) in enumerate(_files(folder)):
            words = parts[_PARTS.get(number % 10, "train")]
            for line in text.splitlines():
                tokens = [token.rpartition("/")[0] for token in line.split()]
                if tokens:
                    words += [*tokens, _END]
        return parts


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for place in _PLACES:
        archive, unpacked = folder / place / "brown.zip", folder / place / "brown"
        if archive.is_file():
            source, found = archive, _unzipped(archive)
        elif unpacked.is_dir():
            paths = sorted(path for path in unpacked.iterdir() if _is_text(path.name))
            source, found = unpacked, [(path.name, path.read_bytes()) for path in paths]
        else:
            continue
        if not found:
            raise ValueError(f"{source}: holds none of the texts ca01 to cr09")
        return iter([(name, _decoded(content, source / name)) for name, content in found])
    looked = ", ".join(str(folder / place) for place in _PLACES)
    raise FileNotFoundError(
        f"brown.zip (or a folder brown) not found in {looked}; point --data-dir or OPTCELL_DATA at "
        f"the folder that has it, or fetch it with nltk.download('brown', {str(folder)!r})"
    )


def _unzipped(archive: Path) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(archive) as file:
            names = sorted(name for name in file.namelist() if _is_text(name))
            return [(name, file.read(name)) for name in names]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{archive}: damaged, or no zip file: {error}") from None


def _decoded(content: bytes, where: Path) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{where}: not ASCII at byte {error.start}, as Brown's texts are"
        ) from None


def _is_text(name: str) -> bool:
    """Say whether a file is one of ca01 .. cr09, and not README or cats.txt."""
    stem = name.rpartition("/")[2]
    return len(stem) == 4 and stem[0] == "c" and stem[1].isalpha() and stem[2:].isdigit()
