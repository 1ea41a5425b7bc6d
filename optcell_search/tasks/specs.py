"""The text that users write for a task, cut into its parts."""

from __future__ import annotations

import re
from pathlib import Path

from optcell_search.tasks.base import COLON, COMMA, QUOTE

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
# The colon of a path such as C:\\data.csv is not the one before the options.
_DRIVE = re.compile(r"[A-Za-z]:(?=[/\\\\])")


def is_file(path: Path) -> bool:
    """Say whether there is a file; a text that is too long for a name is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def parts_of(spec: str) -> tuple[str, dict[str, str]]:
    """Return name or path, and the options as texts.

    Raises:
        ValueError: an option is none, is given twice, or a quote is not closed.
    """
    head, rest = _head(spec)
    options: dict[str, str] = {}
    while rest:
        key, equals, after = rest[1:].partition("=")
        value, rest = _value(after)
        closed = not rest or rest.startswith(COMMA)
        if not (key and equals and value and closed) or COMMA in key or key in options:
            part = (rest and value + rest) or f"{key}{equals}{value}"
            raise ValueError(
                f"task {spec!r}: {part!r} is not an option, or given twice; "
                "valid: NAME:option=value,option=value"
            )
        options[key] = value
    return head, options


def _head(spec: str) -> tuple[str, str]:
    """Return what stands before the colon, and the rest with it."""
    quoted = _QUOTED.match(spec)
    if quoted and spec[quoted.end() :][:1] in ("", COLON):
        return quoted[1].replace(2 * QUOTE, QUOTE), spec[quoted.end() :]
    drive = _DRIVE.match(spec)
    start = drive.end() if drive else 0
    end = spec.find(COLON, start)
    return (spec, "") if end < 0 else (spec[:end], spec[end:])


def _value(text: str) -> tuple[str, str]:
    """Return a value, and what is behind it."""
    quoted = _QUOTED.match(text)
    if quoted:
        return quoted[1].replace(2 * QUOTE, QUOTE), text[quoted.end() :]
    end = text.find(COMMA)
    return (text, "") if end < 0 else (text[:end], text[end:])
