"""Which separator and which decimal sign a text table is written with, where nobody says."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence

SEPARATORS = (",", ";", "\t", "|")
_LINES, _LETTERS = 50, 1_000_000
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3},\d{3}\s*")
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
    written = [cell for cell in cells if "," in cell and _DECIMAL_COMMA.fullmatch(cell)]
    points = [cell for cell in cells if _DECIMAL_POINT.fullmatch(cell)]
    if written and points and _only_commas(rows, places):
        raise ValueError(
            f"{where}: {written[0]!r} has a decimal comma and {points[0]!r} a decimal point; "
            "valid: decimal=comma or decimal=point"
        )
    if not written or points:
        return "."
    if all(map(_THOUSANDS.fullmatch, written)):
        raise ValueError(
            f"{where}: {written[0]!r} may be a decimal number or thousands; "
            "valid: decimal=comma or decimal=point"
        )
    return ","


def _only_commas(rows: Sequence[Sequence[str]], places: Sequence[int]) -> bool:
    """Return whether a column would be numbers if commas were decimal signs, and texts if not."""
    for place in places:
        cells = [cell for row in rows if (cell := row[place]) and not _WHOLE.fullmatch(cell)]
        if cells and all(map(_DECIMAL_COMMA.fullmatch, cells)):
            return True
    return False


def _widths(lines: list[str], sep: str) -> list[int]:
    """Return how many cells each line has that has any."""
    try:
        return [len(cells) for cells in csv.reader(lines, delimiter=sep) if cells]
    except csv.Error:
        return []


def _named(sep: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[sep]
