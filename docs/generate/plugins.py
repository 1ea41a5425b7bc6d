"""The rules, cells, tasks and penalties there are: a section each, from their classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from settings import declared
from tables import document

from optcell_search import registry
from optcell_search.hyperparameters import specification

MADE = "This page is made from the code: what is registered is listed."


def rules() -> str:
    """Return the page of the update rules."""
    head = """
A rule turns the pre-activation z of a cell into u, which the cell takes in its place; see
[A rule is a filter](../concepts/rules.md). `optcell-search list rules` prints this list, and
[Add a rule](../guides/new-rule.md) says how to make one of your own.
"""
    return _page("Rules", head, registry.rules, _searched)


def cells() -> str:
    """Return the page of the cells, those over vectors first."""
    head = """
A cell is the recurrence that takes u, what a [rule](rules.md) made of the pre-activation, and the
hidden state h. `optcell-search list cells` prints this list, and
[Add a cell](../guides/new-cell.md) says how to make one of your own.
"""
    return _page("Cells", head, registry.every_cell, _searched)


def penalties() -> str:
    """Return the page of the penalties."""
    head = """
A penalty says by how much predictions break a law of their system. Named in a space, it is a term
of the training loss; on a task that has the drivers it needs, it is also two metrics. See
[Add a penalty](../guides/new-penalty.md).
"""
    return _page("Penalties", head, registry.penalties, _searched)


def tasks() -> str:
    """Return the page of the tasks."""
    head = """
A task is written as `name:option=value,option=value`; your own file by its path in place of the
name. `optcell-search list tasks` prints this list; see [Bring your own data](../guides/own-data.md)
and [Add a task](../guides/new-task.md).
"""
    return _page("Tasks", head, registry.tasks, _options)


def _page(
    title: str,
    head: str,
    known: registry.Registry | registry.Registries,
    tabulated: Callable[[type[Any]], str],
) -> str:
    sections = (_section(name, known.get(name), tabulated) for name in known.names())
    return document(f"# {title}", head, MADE, *sections)


def _section(name: str, plugin: type[Any], tabulated: Callable[[type[Any]], str]) -> str:
    about = [_line(plugin, key) for key in ("title", "unit")]
    equation = getattr(plugin, "equation", "")
    return document(
        f"## `{name}` {{ #{name} }}",
        *about,
        f"```text\n{equation}\n```" if equation else "",
        _docstring(plugin),
        tabulated(plugin),
        _line(plugin, "citation"),
    )


def _line(plugin: type[Any], key: str) -> str:
    text = getattr(plugin, key, "")
    heads = {"title": "**{}**", "unit": "Unit: {}.", "citation": "*Source: {}*"}
    return heads[key].format(text) if text else ""


def _docstring(plugin: type[Any]) -> str:
    """Let mkdocstrings write what the class says of itself, without heading and members."""
    options = {
        "show_root_heading": False,
        "show_root_toc_entry": False,
        "members": False,
        "separate_signature": False,
        "show_signature": False,
        "show_docstring_attributes": False,
    }
    lines = [f"::: {plugin.__module__}.{plugin.__qualname__}", "    options:"]
    lines += [f"      {key}: {str(value).lower()}" for key, value in options.items()]
    return "\n".join(lines)


def _searched(plugin: type[Any]) -> str:
    return declared(plugin, searched=True) or "It has no hyperparameters."


def _options(task: type[Any]) -> str:
    """Return a task's options: those declared as a table, the plain texts as a line."""
    aliases = {field: written for written, field in getattr(task, "aliases", {}).items()}
    plain = [
        f"`{aliases.get(field.name, field.name)}`"
        for field in _fields(task)
        if field.name not in specification(task) and field.name != "path"
    ]
    texts = f"Options that take a text: {', '.join(plain)}." if plain else ""
    return document(texts, declared(task, searched=False))


def _fields(task: type[Any]) -> Iterable[dataclasses.Field[Any]]:
    return dataclasses.fields(task)
