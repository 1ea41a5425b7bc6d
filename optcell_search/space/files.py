"""The TOML files of search spaces: those shipped with the package and any other."""

from __future__ import annotations

import errno
import os
import re
import tomllib
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

from .faults import Faults
from .renamed import NEW, OLD, with_new_names

_SUFFIX = ".toml"
_PACKAGE = "search_spaces"
_MOST_BYTES = 2**22
_MOST_PARTS = 64
# Texts of several lines and of one, and comments; each goes on where nothing closes it, as then the
# document ends for its reader, too, and no byte is looked at twice.
_TEXTS_AND_COMMENTS = re.compile(
    rb'''"""(?:[^"\\]++|\\.|"(?!""))*+(?:"{3,5})?'''
    rb"""|'''(?:[^']++|'(?!''))*+(?:'{3,5})?"""
    rb"""|"(?:[^"\\\n]++|\\[^\n])*+"?"""
    rb"""|'[^'\n]*+'?"""
    rb"|#[^\n]*+",
    re.DOTALL,
)
_BLANKS = re.compile(rb"[ \t]+")
_BETWEEN = re.compile(rb"[\s,=#\[\]{}]+")


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped spaces, sorted."""
    entries = (entry.name for entry in files(_PACKAGE).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in entries if name.endswith(_SUFFIX)))


def read_file(name_or_path: str | Path) -> tuple[dict[str, Any], str, str]:
    """Read a shipped space by name, or a TOML file by path.

    Returns:
        The data, the name of the space, and what to call the file in messages.

    Raises:
        SpaceError: the name is unknown, or the file is not TOML in UTF-8.
        FileNotFoundError: there is no such file.
    """
    if isinstance(name_or_path, str) and name_or_path in shipped_names():
        where = f"{_PACKAGE}/{name_or_path}{_SUFFIX}"
        raw = (files(_PACKAGE) / f"{name_or_path}{_SUFFIX}").read_bytes()
        return parse(raw, where), name_or_path, where
    path = Path(name_or_path)
    where = str(path)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        # So long a name no file has; what else is the matter, such as access, is told as it is.
        if error.errno != errno.ENAMETOOLONG:
            raise
        is_folder = is_file = False
    if is_folder:
        faults = Faults(where)
        faults.add("", "is a folder", "a TOML file or one of " + ", ".join(shipped_names()))
        faults.raise_if_any()
    if not is_file:
        is_name = isinstance(name_or_path, str) and os.sep not in name_or_path
        if is_name and path.suffix != _SUFFIX:
            faults = Faults("")
            faults.unknown("", "search space", str(name_or_path), shipped_names())
            faults.raise_if_any()
        shipped = ", ".join(shipped_names())
        raise FileNotFoundError(f"{where}: no such file; shipped search spaces: {shipped}")
    data = parse(path.read_bytes(), where)
    if with_new_names(data) is not data:
        warnings.warn(
            f"{where}: tables [{OLD}.NAME] are called [{NEW}.NAME]; the old name is read until 0.3",
            FutureWarning,
            stacklevel=3,
        )
    return data, path.stem, where


def is_deep(raw: bytes) -> bool:
    """Whether a TOML document has a key of so many parts that reading it would take all memory.

    Python's reader needs room that grows as the square of them.
    """
    words = (
        _BLANKS.sub(b" ", _TEXTS_AND_COMMENTS.sub(b"x", raw))
        .replace(b" .", b".")
        .replace(b". ", b".")
    )
    return any(word.count(b".") > _MOST_PARTS for word in _BETWEEN.split(words))


def parse(raw: bytes, where: str) -> dict[str, Any]:
    """Return the data of a TOML document.

    Raises:
        SpaceError: `raw` is not UTF-8, or not TOML; the message gives the line.
    """
    faults = Faults(where)
    if len(raw) > _MOST_BYTES:
        faults.add("", f"has {len(raw)} bytes", f"{_MOST_BYTES} or less")
    elif is_deep(raw):
        faults.add("", "nested too deeply", "tables of values, as in the shipped search spaces")
    faults.raise_if_any()
    try:
        # Some editors on Windows begin a file with a byte-order mark, which TOML does not know.
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.add("", f"not UTF-8 text (at line {line})", "a TOML file, saved as UTF-8")
    except RecursionError:
        faults.add("", "nested too deeply", "tables of values, as in the shipped search spaces")
    except ValueError as error:
        faults.add("", f"not TOML: {error}", "a TOML file, see https://toml.io")
    faults.raise_if_any()
    raise AssertionError("unreachable")
