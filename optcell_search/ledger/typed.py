"""Whether a value that was read from a file or a database has the type that was written there."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[object], bool]

_WORDS = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}
_MOST_SHOWN = 60  # characters


def checker(hint: Any) -> Check:
    """Return a function that says whether a value is of a type, down to its elements.

    Args:
        hint: ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, a ``Literal``, a union, or
            ``list``, ``tuple`` (both lists in a file) and ``dict`` with the types of their
            elements.
    """
    if hint is Any:
        return lambda value: True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, tuple):
        each = checker(arguments[0])
        return lambda value: isinstance(value, list | tuple) and all(map(each, value))
    if origin is dict:
        each = checker(arguments[1])
        return lambda value: (
            isinstance(value, Mapping)
            and all(isinstance(key, str) for key in value)
            and all(map(each, value.values()))
        )
    if origin is typing.Literal:
        return lambda value: value in arguments
    if origin in (typing.Union, types.UnionType):
        every = [checker(argument) for argument in arguments]
        return lambda value: any(one(value) for one in every)
    if hint is float:
        return lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    kind = types.NoneType if hint is None else hint
    return lambda value: isinstance(value, kind)


def in_words(hint: Any) -> str:
    """Return what values of a type are, for messages."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, tuple):
        return f"a list, each {in_words(arguments[0])}"
    if origin is dict:
        return f"a table, each value {in_words(arguments[1])}"
    if origin is typing.Literal:
        return " or ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(in_words, arguments))
    return _WORDS.get(hint, "anything")


def short(value: object) -> str:
    """Return a value as a message may show it."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
