"""Which separator and which decimal sign a text table is written with, where nobody says."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Sequence

from .columns import is_number, named, row, shown

SEPARATORS = (",", ";", "\t", "|")
# What becomes of a text that may be a number.
VALID = "decimal=comma for a text table with decimal commas, numbers without marks of thousands"
_LINES, _LETTERS = 50, 1_000_000
DECIMAL_COMMA = re.compile(r"(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")
_THOUSANDS_POINT = re.compile(r"\s*[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?\s*")
# As 20,5; 1.234.567 and 1.234,5; 1 234, 1'234.5 and 1 234,5; 1,234,567 and 1,234.5.
_MAYBE_NUMBER = re.compile(
    r"\s*[+-]?(\d*,\d+([eE][+-]?\d+)?|\d{1,3}(\.\d{3})+(,\d+)?|"
    r"\d{1,3}(['’\s]\d{3})+([.,]\d+)?|\d{1,3}(,\d{3})+(\.\d+)?)\s*"
)
_DECIMAL_POINT = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*")


def separator(text: str, where: str) -> str:
    """Return the separator that cuts the first lines into equally many cells.

    A table that none of them cuts has one column, unless its first line says otherwise.

    Raises:
        ValueError: more than one of them does; the message names the option that decides.
    """
    first = _first(text)
    widths = {sep: _widths(first, sep) for sep in SEPARATORS}
    even = [sep for sep, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    if len(even) == 1:
        return even[0]
    if even:
        choices = " or ".join(f"sep={_named(sep)}" for sep in even)
        raise ValueError(f"{where}: more than one separator fits; valid: {choices}")
    heads = {sep: found[0] for sep, found in widths.items() if found and found[0] > 1}
    return max(heads, key=lambda sep: heads[sep]) if heads else ","


def _first(text: str) -> list[str]:
    """Return the first lines, fewer of them where they are long."""
    lines: list[str] = []
    letters = 0
    for line in itertools.islice(io.StringIO(text, newline=""), _LINES):
        lines.append(line)
        letters += len(line)
        if letters > _LETTERS and len(lines) > 1:
            break
    return lines


def decimal_sign(rows: Sequence[Sequence[str]], places: Sequence[int], sep: str, where: str) -> str:
    """Return the decimal sign of rows of texts: a comma only where no point is one.

    Args:
        rows: the cells.
        places: of those in a row that may be numbers.
        sep: separator of the cells.
        where: file, for the message.

    Raises:
        ValueError: 1,234 may be a thousand and more, or one and a bit.
    """
    if sep == ",":
        return "."
    cells = [row[place] for row in rows for place in places]
    written = [cell for cell in cells if "," in cell and DECIMAL_COMMA.fullmatch(cell)]
    if not written or any(map(_DECIMAL_POINT.fullmatch, cells)):
        return "."
    if all(map(_THOUSANDS.fullmatch, written)):
        raise ValueError(
            f"{where}: {written[0]!r} may be a decimal number or thousands; "
            "valid: decimal=comma or decimal=point"
        )
    return ","


def refuse_thousands(cells: Sequence[str], name: str, where: str) -> None:
    """Refuse a column of a table with decimal commas whose points may all mark thousands.

    Where one of its points can mark none, as that of 0.5 or 2.25, all are decimal signs.

    Args:
        cells: of the column.
        name: of the column.
        where: file, for the message.

    Raises:
        ValueError: 1.234 may be a thousand and more, or one and a bit.
    """
    pointed = [number for number, cell in enumerate(cells) if "." in cell]
    if pointed and all(_THOUSANDS_POINT.fullmatch(cells[number]) for number in pointed):
        raise ValueError(
            f"{where}: column {name!r} holds {shown(cells[pointed[0]])} in {row(pointed[0])}, "
            "whose point may mark thousands; valid: numbers without such points, "
            f"categories={named(name)}, or exclude={named(name)}"
        )


def maybe_number(texts: Sequence[str | None]) -> int | None:
    """Return the place of the first text that is a number by another decimal sign or of thousands.

    So is one in other digits, or with a blank beside it that tables do not have; None: there is
    none.
    """
    other = ((place, text) for place, text in enumerate(texts) if text and not is_number(text))
    found = (place for place, text in other if _MAYBE_NUMBER.fullmatch(text) or _is_pythons(text))
    return next(found, None)


def _is_pythons(text: str) -> bool:
    """Return whether Python reads a finite number where tables have none, as of 1_000 or ١."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _widths(lines: list[str], sep: str) -> list[int]:
    """Return how many cells each line has that has any."""
    try:
        return [len(cells) for cells in csv.reader(lines, delimiter=sep) if cells]
    except csv.Error:
        return []


def _named(sep: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[sep]
