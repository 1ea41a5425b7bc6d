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
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any


class Registry:
    """The plug-ins of one room, looked up by name.

    Args:
        kind: what one plug-in is called in messages, e.g. ``"rule"``.
        room: name of the sub-package whose modules are searched; its module ``base`` holds the
            class ``kind.capitalize()`` that every plug-in derives from.
    """

    def __init__(self, kind: str, room: str) -> None:
        self.kind = kind
        self.room = room
        # Other packages register with optcell_search, also when an exported copy of this file
        # runs under another package name.
        self.group = f"optcell_search.{room}"

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
            near = difflib.get_close_matches(str(name), self._plugins, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            valid = ", ".join(self.names())
            raise ValueError(f"unknown {self.kind} {name!r}{hint}; valid: {valid}") from None

    @functools.cached_property
    def _plugins(self) -> dict[str, type[Any]]:
        package = importlib.import_module(f".{self.room}", __package__)
        base = getattr(importlib.import_module(f".{self.room}.base", __package__), self.base_name)
        found: dict[str, type[Any]] = {}
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
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
        return self.kind.capitalize()

    def _add(self, found: dict[str, type[Any]], plugin: type[Any]) -> None:
        other = found.setdefault(plugin.name, plugin)
        if other is not plugin:
            raise TypeError(
                f"two {self.kind}s are named {plugin.name!r}: "
                f"{other.__module__}.{other.__qualname__} and "
                f"{plugin.__module__}.{plugin.__qualname__}"
            )


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
tasks = Registry("task", "tasks")
