"""Fields that are declared with their specification, and read back with it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from .conditions import Needs, together
from .kinds import Choice, Integer, Real, Specification

_METADATA_KEY = "optcell_search"
_NOTHING: Needs = {}


def field_of(spec: Specification) -> Any:
    """Declare a field by its specification, such as one that another owner has."""
    return dataclasses.field(default=spec.default, metadata={_METADATA_KEY: spec})


def real(
    default: float,
    *,
    search: tuple[float, float],
    valid: tuple[float, float],
    log: bool = False,
    open_low: bool = False,
    open_high: bool = False,
    learnable: bool = True,
    needs: Needs = _NOTHING,
    since: str = "",
    doc: str = "",
) -> Any:
    """Declare a real-valued field; `open_low` and `open_high` exclude the ends of `valid`."""
    low, high = search
    valid_low, valid_high = valid
    return field_of(
        Real(
            default=default,
            low=low,
            high=high,
            log=log,
            valid_low=valid_low,
            valid_high=valid_high,
            open_low=open_low,
            open_high=open_high,
            learnable=learnable,
            needs=needs,
            since=since,
            doc=doc,
        )
    )


def integer(
    default: int,
    *,
    search: tuple[int, int],
    valid: tuple[int, int],
    log: bool = False,
    needs: Needs = _NOTHING,
    since: str = "",
    doc: str = "",
) -> Any:
    """Declare an integer field."""
    low, high = search
    valid_low, valid_high = valid
    return field_of(
        Integer(
            default=default,
            low=low,
            high=high,
            log=log,
            valid_low=valid_low,
            valid_high=valid_high,
            needs=needs,
            since=since,
            doc=doc,
        )
    )


def choice(
    default: Any,
    *,
    options: tuple[Any, ...],
    more: Callable[[], tuple[Any, ...]] | None = None,
    needs: Needs = _NOTHING,
    since: str = "",
    doc: str = "",
) -> Any:
    """Declare a field that takes one of `options`, or one of `more()`; see `Choice`."""
    return field_of(
        Choice(default=default, options=options, more=more, needs=needs, since=since, doc=doc)
    )


def specification(cls: type) -> dict[str, Specification]:
    """Return the declared hyperparameters of a dataclass, by field name, in order.

    What is needed by that which a field needs, the field needs as well.

    Raises:
        ValueError: a field needs what is not declared before it.
    """
    return dict(_specification(cls))


@functools.cache
def _specification(cls: type) -> dict[str, Specification]:
    specs: dict[str, Specification] = {}
    for field in dataclasses.fields(cls):
        if spec := field.metadata.get(_METADATA_KEY):
            if unknown := [other for other in spec.needs if other not in specs]:
                raise ValueError(
                    f"{cls.__module__}.{cls.__qualname__}: {field.name} needs {unknown[0]!r}; "
                    f"valid: fields that are declared before it, {', '.join(specs) or 'none here'}"
                )
            needs = together(spec.needs, *(specs[other].needs for other in spec.needs))
            specs[field.name] = dataclasses.replace(spec, needs=needs)
    return specs
