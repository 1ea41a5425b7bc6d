"""Beartype as the tests use it on annotated shapes: an int may stand where a float is asked for."""

from __future__ import annotations

import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def sparing(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    """Return jaxtyping's decorator, but plain beartype for functions that name no shape.

    The shapes of one call agree with each other only where they are remembered, which costs a
    hundred times as much as the other checks and made up most of the time of the tests of cells.
    """

    def decorator(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
        def decorate(fn: Any) -> Any:
            if not isinstance(fn, FunctionType) or _names_shapes(fn):
                return jaxtyped(fn, typechecker=typechecker)
            fn.__annotations__ = _resolved(fn)
            return typechecker(fn)

        return decorate

    return decorator


def _names_shapes(fn: FunctionType) -> bool:
    return any("Float[" in str(a) or "Int[" in str(a) for a in fn.__annotations__.values())


def _resolved(fn: FunctionType) -> dict[str, Any]:
    """Return the annotations as types: any, where a name is there for the type checker alone."""
    found = {}
    for name, annotation in fn.__annotations__.items():
        try:
            found[name] = typing.get_type_hints(_holder(annotation), fn.__globals__)["value"]
        except (NameError, AttributeError, TypeError):
            found[name] = Any
    return found


def _holder(annotation: Any) -> Any:
    def holder(value: Any) -> None: ...

    holder.__annotations__ = {"value": annotation}
    return holder
