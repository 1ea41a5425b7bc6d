"""Recipes that others have published, which a search of a shipped space begins with."""

from __future__ import annotations

from importlib.resources import files

from .candidate import Candidate
from .files import PACKAGE, parse
from .space import SearchSpace

_FOLDER = "first"


def published(space: SearchSpace) -> list[Candidate]:
    """Return the candidates of ``search_spaces/first/NAME.toml``, for the space of that name.

    Each ``[[candidate]]`` names a cell and what is particular of it, ``[candidate.model]`` and
    ``[candidate.training]``. All else, and what the space does not have, is as in the plain
    candidate of that cell (`SearchSpace.plain`), so that a space which was narrowed to some data
    narrows its recipes, too. There is none for most spaces.
    """
    name = f"{space.name}.toml"
    folder = files(PACKAGE) / _FOLDER
    # Names are a user's: none is made a path.
    file = next((entry for entry in folder.iterdir() if entry.name == name), None)
    if file is None:
        return []
    found = []
    for one in parse(file.read_bytes(), f"{PACKAGE}/{_FOLDER}/{name}")["candidate"]:
        cell = one.pop("cell")
        given = {f"{part}.{key}": value for part in one for key, value in one[part].items()}
        assert given.keys() <= space.domains.keys(), given
        found.append(space.recipe(cell, given))
    return [candidate for candidate in found if candidate is not None]
