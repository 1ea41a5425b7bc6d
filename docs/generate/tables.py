"""Markdown out of plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars and line ends inside a cell are kept out of its layout."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as inline code."""
    return f"`{value}`"


def number(value: float) -> str:
    """Return a number as a TOML file has it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def document(*parts: str) -> str:
    """Return parts of a page, a blank line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
