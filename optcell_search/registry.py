"""From names to plug-ins: rules, cells and tasks, ours and those of other packages.

A plug-in is a concrete subclass of its room's base class with a `name` of its own. A file in the
room is enough for ours; another package offers one through an entry point of the room's group:

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
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any


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
            ValueError: there is none; the message lists the valid names and the nearest one.
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
            plugin = entry.load()
            if not (inspect.isclass(plugin) and issubclass(plugin, base)):
                raise TypeError(
                    f"entry point {entry.value!r} of group {self.group!r} is not a subclass of "
                    f"{base.__module__}.{base.__qualname__}"
                )
            self._add(found, plugin)
        return found

    @property
    def base_name(self) -> str:
        """Name of the class in ``room.base`` that every plug-in derives from."""
        return "".join(word.capitalize() for word in self.kind.split())

    def _add(self, found: dict[str, type[Any]], plugin: type[Any]) -> None:
        other = found.setdefault(plugin.name, plugin)
        if other is not plugin:
            raise TypeError(
                f"two {self.kind}s are named {plugin.name!r}: "
                f"{other.__module__}.{other.__qualname__} and "
                f"{plugin.__module__}.{plugin.__qualname__}"
            )


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
        return tuple(name for member in self.members for name in member.names())

    def get(self, name: str) -> type[Any]:
        """Return the class registered as `name`; raises what `Registry.get` does."""
        for member in self.members:
            if name in member.names():
                return member.get(name)
        raise _unknown(self.kind, name, self.names())


def _unknown(kind: str, name: object, valid: tuple[str, ...]) -> ValueError:
    near = difflib.get_close_matches(str(name), valid, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(f"unknown {kind} {name!r}{hint}; valid: {', '.join(valid)}")


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
