"""From names to plug-ins: rules, cells and tasks, ours and those of other packages.

A plug-in is a concrete subclass of its room's base class with a `name` of its own: letters, digits,
``_`` and ``-``, and none of `SECTIONS`. A file in the room is enough for ours; another package
offers one through an entry point of the room's group:

    [project.entry-points."optcell_search.rules"]
    my_rule = "my_package.my_rule:MyRule"

Nothing is looked for before the first use.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

# The tables of a candidate: a plug-in of such a name could not be told from the table.
SECTIONS = ("cell", "rule", "model", "training", "penalty")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Registry:
    """The plug-ins of one room, looked up by name.

    Args:
        kind: what one plug-in is called in messages, e.g. ``"rule"``.
        room: dotted name of the sub-package whose modules are searched, in its folders one level
            down too; its module ``base`` holds the class that every plug-in derives from: `kind`
            in camel case.
    """

    def __init__(self, kind: str, room: str) -> None:
        self.kind = kind
        self.room = room
        # An exported copy of this file asks for a group of its own package: a plug-in of ours that
        # happens to be installed beside it derives from our base class and not from the copy's.
        self.group = f"{__package__}.{room}"

    def names(self) -> tuple[str, ...]:
        """Return all registered names, sorted."""
        return tuple(sorted(self._plugins))

    def get(self, name: str) -> type[Any]:
        """Return the class registered as `name`.

        Raises:
            ValueError: there is none; the message lists the valid names and the nearest one. Or
                another package offers what is no plug-in; the message names it.
        """
        try:
            return self._plugins[name]
        except (KeyError, TypeError):
            raise _unknown(self.kind, name, self.names()) from None

    @functools.cached_property
    def _plugins(self) -> dict[str, type[Any]]:
        package = importlib.import_module(f".{self.room}", __package__)
        base = getattr(importlib.import_module(f".{self.room}.base", __package__), self.base_name)
        found: dict[str, type[Any]] = {}
        for module in _modules(package):
            for plugin in _plugins_defined_in(module, base):
                self._add(found, plugin)
        for entry in entry_points(group=self.group):
            self._add(found, _load(entry, base))
        return found

    @property
    def base_name(self) -> str:
        """Name of the class in ``room.base`` that every plug-in derives from."""
        return "".join(word.capitalize() for word in self.kind.split())

    def _add(self, found: dict[str, type[Any]], plugin: type[Any]) -> None:
        other = found.setdefault(plugin.name, plugin)
        if other is not plugin:
            raise _same_name(self.kind, other, plugin)


class Registries:
    """Several registries looked up as one; no two of them share a name.

    Args:
        kind: what one plug-in of any of them is called in messages.
        members: the registries.
    """

    def __init__(self, kind: str, *members: Registry) -> None:
        self.kind = kind
        self.members = members

    def names(self) -> tuple[str, ...]:
        """Return all registered names, sorted within each registry."""
        return tuple(self._found)

    def get(self, name: str) -> type[Any]:
        """Return the class registered as `name`; raises what `Registry.get` does."""
        try:
            return self._found[name]
        except (KeyError, TypeError):
            raise _unknown(self.kind, name, self.names()) from None

    @property
    def _found(self) -> dict[str, type[Any]]:
        found: dict[str, type[Any]] = {}
        for member in self.members:
            for name in member.names():
                plugin = member.get(name)
                if name in found:
                    raise _same_name(self.kind, found[name], plugin)
                found[name] = plugin
        return found


def _unknown(kind: str, name: object, valid: tuple[str, ...]) -> ValueError:
    near = difflib.get_close_matches(str(name), valid, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(f"unknown {kind} {name!r}{hint}; valid: {', '.join(valid)}")


def _same_name(kind: str, one: type[Any], other: type[Any]) -> ValueError:
    first, second = (f"{plugin.__module__}.{plugin.__qualname__}" for plugin in (one, other))
    return ValueError(f"two {kind}s are named {other.name!r}: {first} and {second}")


def _load(entry: EntryPoint, base: type[Any]) -> type[Any]:
    """Return the plug-in that another package offers; raise a ValueError where it is none."""
    try:
        plugin: type[Any] = entry.load()
    except Exception as error:  # another package's code may come to grief over anything
        said = " ".join(f"{type(error).__name__}: {error}".split())
        valid = "a class, in a module that can be imported"
        raise _refused(entry, f"cannot be loaded: {said}; valid: {valid}") from error
    if not (inspect.isclass(plugin) and issubclass(plugin, base)):
        raise _refused(entry, f"is not a subclass of {base.__module__}.{base.__qualname__}")
    if missing := getattr(plugin, "__abstractmethods__", ()):
        raise _refused(entry, f"is abstract; valid: a class that has {', '.join(sorted(missing))}")
    name = vars(plugin).get("name")
    if not (isinstance(name, str) and _BARE_KEY.fullmatch(name)) or name in SECTIONS:
        valid = f"letters, digits, _ and -, and none of {', '.join(SECTIONS)}"
        raise _refused(entry, f"has name = {name!r} of its own; valid: {valid}")
    return plugin


def _refused(entry: EntryPoint, fault: str) -> ValueError:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return ValueError(
        f"entry point {entry.name} = {entry.value!r} in group {entry.group!r}{package} {fault}"
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Import the modules of a room and of its folders one level down."""
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        yield module
        if info.ispkg:
            for below in pkgutil.iter_modules(module.__path__):
                yield importlib.import_module(f"{module.__name__}.{below.name}")


def _plugins_defined_in(module: ModuleType, base: type[Any]) -> list[type[Any]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
        and "name" in vars(value)
    ]


rules = Registry("rule", "rules")
cells = Registry("cell", "cells")
conv_cells = Registry("convolutional cell", "cells.conv")
every_cell = Registries("cell", cells, conv_cells)
tasks = Registry("task", "tasks")
penalties = Registry("penalty", "penalties")
