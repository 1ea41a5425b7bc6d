"""Whether a value that was read from a file or a database has the type that was written there."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Check = Callable[[object], bool]

_WORDS = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}
_EXACT: dict[Any, frozenset[type]] = {
    str: frozenset({str}),
    int: frozenset({int}),
    float: frozenset({int, float}),
    bool: frozenset({bool}),
    None: frozenset({types.NoneType}),
    types.NoneType: frozenset({types.NoneType}),
}
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
        each = _each(arguments[0])
        return lambda value: (
            (type(value) is list or isinstance(value, list | tuple)) and each(value)
        )
    if origin is dict:
        keys, values = _each(str), _each(arguments[1])
        # What JSON gives is a dict itself; whether another type is a mapping takes longer to say.
        return lambda value: (
            (type(value) is dict or isinstance(value, Mapping))
            and keys(value)
            and values(value.values())
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


def _each(hint: Any) -> Callable[[Iterable[object]], bool]:
    """Return a function that says whether each of some values is of a type."""
    if hint is Any:
        return lambda values: True
    check, exact = checker(hint), _exact(hint)
    # Of thousands of trials nearly all values are what is written: one look at all their types.
    return lambda values: exact.issuperset(map(type, values)) or all(map(check, values))


def _exact(hint: Any) -> frozenset[type]:
    """Return the types of which every value is of type `hint`, as far as that can be said."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return frozenset().union(*map(_exact, typing.get_args(hint)))
    return _EXACT.get(hint, frozenset())


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
