"""The API pages: one a room, of every name that the room makes public by `__all__`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from tables import document

import optcell_search

# The command line has a page of its own, made from its parser; shapes are names of jaxtyping's.
ELSEWHERE = ("cli", "shapes")


def rooms() -> dict[str, tuple[str, ...]]:
    """Return the public names of each room, the package itself first."""
    found = {"optcell_search": _names("optcell_search")}
    for info in pkgutil.iter_modules(optcell_search.__path__):
        name = f"optcell_search.{info.name}"
        if not info.name.startswith("_") and info.name not in ELSEWHERE and _names(name):
            found[name] = _names(name)
    return found


def _names(module: str) -> tuple[str, ...]:
    return tuple(getattr(importlib.import_module(module), "__all__", ()))


def pages() -> dict[str, str]:
    """Return the API pages by path."""
    return {_path(room): _page(room, names) for room, names in rooms().items()}


def navigation() -> list[dict[str, str]]:
    """Return the pages for MkDocs' navigation."""
    return [{room: _path(room)} for room in rooms()]


def _path(room: str) -> str:
    return f"reference/api/{room.rpartition('.')[2]}.md"


def _page(room: str, names: tuple[str, ...]) -> str:
    about = inspect.getdoc(importlib.import_module(room)) or ""
    values = [name for name in names if not inspect.ismodule(getattr(_of(room), name))]
    return document(f"# {room}", about, *(f"::: {room}.{name}" for name in values))


def _of(room: str) -> object:
    return importlib.import_module(room)
