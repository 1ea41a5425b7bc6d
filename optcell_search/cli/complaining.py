"""An argument parser whose complaints take one line and say what is valid."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from ..ledger.storage.passwords import without_password

_LONGEST = 2000  # characters
_VALID: dict[type[int] | type[float], str] = {int: "a whole number", float: "a number"}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints take one line and say what is valid."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for convert in (int, float):
            self.register("type", convert, _reader(convert, _VALID[convert]))

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and end with exit code 2."""
        said = shortened(without_password(message))
        self.exit(2, f"{self.prog}: {said}; see {self.prog} --help\n")


def shortened(line: str) -> str:
    """Return a message that repeats what was asked for, without the middle of something endless."""
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}"


def number_or_auto(convert: type[int] | type[float]) -> Callable[[str], float | str]:
    """Return what reads an integer or a float, and leaves ``auto`` as it is."""
    read = _reader(convert, f"{_VALID[convert]}, or auto")
    return lambda text: text if text == "auto" else read(text)


def names(text: str) -> list[str]:
    """Return the names that commas part, whatever spaces stand around them."""
    return [name.strip() for name in text.split(",")]


def _reader(convert: type[int] | type[float], valid: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            return convert(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} cannot be read; valid: {valid}") from None

    return read
