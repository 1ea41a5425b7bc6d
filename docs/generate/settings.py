"""Declared hyperparameters as tables: name, type, valid values, search range, default, meaning."""

from __future__ import annotations

from typing import Any

from tables import code, number, table

from optcell_search.hyperparameters import (
    Choice,
    Integer,
    Real,
    Specification,
    in_words,
    specification,
)

HEADS = ("key", "type", "valid", "search range", "default", "")
FIXED_HEADS = ("key", "type", "valid", "default", "")


def declared(owner: type[Any], *, searched: bool) -> str:
    """Return the table of a class's hyperparameters, empty where it has none.

    Args:
        owner: a rule, a cell, a penalty, a task or a section of a space.
        searched: whether the range that it declares for searching is a column.
    """
    rows = [_row(name, spec, searched) for name, spec in specification(owner).items()]
    return table(HEADS if searched else FIXED_HEADS, rows) if rows else ""


def _row(name: str, spec: Specification, searched: bool) -> list[str]:
    middle = [_range(spec)] if searched else []
    return [code(name), _type(spec), spec.valid, *middle, code(_plain(spec.default)), _doc(spec)]


def _type(spec: Specification) -> str:
    match spec:
        case Real():
            return "number"
        case Integer():
            return "integer"
        case Choice(options=options):
            kinds = {type(option).__name__ for option in options}
            words = {"str": "text", "bool": "true or false", "int": "integer", "float": "number"}
            return " or ".join(sorted(words[kind] for kind in kinds))


def _range(spec: Specification) -> str:
    if isinstance(spec, Choice):
        return ", ".join(code(_plain(option)) for option in spec.options)
    scale = ", logarithmic" if spec.log else ""
    return f"{number(spec.low)} to {number(spec.high)}{scale}"


def _plain(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else number(value)


def _doc(spec: Specification) -> str:
    text = spec.doc[:1].upper() + spec.doc[1:]
    return f"{text}. It exists where `{in_words(spec.needs)}`." if spec.needs else text
