"""Hyperparameters as data: dataclass fields that know their default, valid and search range.

A rule, a cell, a task or a section of a search space is a frozen dataclass whose fields are made
by `real`, `integer` and `choice`. Whoever needs the ranges, such as a search space, reads them with
`specification`; whoever builds an object gets them checked by `Hyperparameters`.

A field that has `needs` exists only beside certain values of others; elsewhere its default says
that there is nothing. A field that was added to its owner after the first release says `since`
which one: objects described before it hold its default, and keep their names (`distinguishing`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

_METADATA_KEY = "optcell_search"

# By name of another hyperparameter of the same owner: the least that it must be, or a tuple of the
# values that it may have; all of them at once.
Needs = Mapping[str, float | tuple[Any, ...]]
_NOTHING: Needs = {}


@dataclass(frozen=True, kw_only=True)
class Real:
    """A real number, searched in [low, high] and valid between valid_low and valid_high.

    `learnable` says whether gradient descent may move it, where a cell learns its rule.
    """

    default: float
    low: float
    high: float
    log: bool = False
    valid_low: float = -math.inf
    valid_high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    learnable: bool = True
    needs: Needs = field(default_factory=dict)
    since: str = ""
    doc: str = ""

    @property
    def valid(self) -> str:
        """The valid range in words, e.g. ``0 <= value < 1``."""
        left = "<" if self.open_low else "<="
        right = "<" if self.open_high else "<="
        return f"{self.valid_low:g} {left} value {right} {self.valid_high:g}"

    def check(self, label: str, value: Any) -> float:
        """Return `value` as a float, or raise a ValueError that names label, value and range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{label} = {value!r} is not a number; valid: {self.valid}")
        above = value > self.valid_low if self.open_low else value >= self.valid_low
        below = value < self.valid_high if self.open_high else value <= self.valid_high
        if not (above and below and math.isfinite(value)):
            raise ValueError(f"{label} = {value!r} is out of range; valid: {self.valid}")
        # -0.0 is 0.0, and one candidate has one key.
        return float(value) + 0.0


@dataclass(frozen=True, kw_only=True)
class Integer:
    """An integer, searched in [low, high] and valid in [valid_low, valid_high]."""

    default: int
    low: int
    high: int
    log: bool = False
    valid_low: int = 0
    valid_high: int = 2**31
    needs: Needs = field(default_factory=dict)
    since: str = ""
    doc: str = ""

    @property
    def valid(self) -> str:
        """The valid range in words."""
        return f"integers, {self.valid_low} <= value <= {self.valid_high}"

    def check(self, label: str, value: Any) -> int:
        """Return `value`, or raise a ValueError that names label, value and range."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{label} = {value!r} is not an integer; valid: {self.valid}")
        if not self.valid_low <= value <= self.valid_high:
            raise ValueError(f"{label} = {value!r} is out of range; valid: {self.valid}")
        return value


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values, all of which are searched.

    `more`, where given, returns options that are valid, too, though not searched unless asked for;
    it is called when a value is checked, and not before.
    """

    default: Any
    options: tuple[Any, ...]
    more: Callable[[], tuple[Any, ...]] | None = None
    needs: Needs = field(default_factory=dict)
    since: str = ""
    doc: str = ""

    @property
    def valid_options(self) -> tuple[Any, ...]:
        """The options, and after them what else is valid."""
        more = () if self.more is None else self.more()
        return (*self.options, *(option for option in more if option not in self.options))

    @property
    def valid(self) -> str:
        """The valid options in words."""
        return ", ".join(repr(option) for option in self.valid_options)

    def check(self, label: str, value: Any) -> Any:
        """Return `value`, or raise a ValueError that names label, value and options."""
        # 1 == True in Python, yet a user who writes 1 for a switch has made a mistake.
        if not any(
            value == option and type(value) is type(option) for option in self.valid_options
        ):
            raise ValueError(f"{label} = {value!r} is not an option; valid: {self.valid}")
        return value


Specification = Real | Integer | Choice


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


def unmet(needs: Needs, values: Mapping[str, Any]) -> Needs:
    """Return what of `needs` the `values` of the others do not meet."""
    return {
        other: wanted
        for other, wanted in needs.items()
        if not (values[other] in wanted if isinstance(wanted, tuple) else values[other] >= wanted)
    }


def in_words(needs: Needs, prefix: str = "") -> str:
    """Return what is needed, e.g. ``depth >= 4`` or ``front = 'serial' or 'parallel'``."""
    return " and ".join(
        f"{prefix}{other} = {' or '.join(map(repr, wanted))}"
        if isinstance(wanted, tuple)
        else f"{prefix}{other} >= {wanted}"
        for other, wanted in needs.items()
    )


def exists(spec: Specification, values: Mapping[str, Any]) -> bool:
    """Return whether a hyperparameter exists beside the `values` of its owner's others."""
    return not unmet(spec.needs, values)


def distinguishing(specs: Mapping[str, Specification], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a description is told by: all but later fields at their defaults.

    What is stored under a name made of these finds it again when its owner has got more fields.
    """
    return {
        key: value
        for key, value in values.items()
        if not (key in specs and specs[key].since and value == specs[key].default)
    }


def specification(cls: type) -> dict[str, Specification]:
    """Return the declared hyperparameters of a dataclass, by field name, in order."""
    return {
        field.name: field.metadata[_METADATA_KEY]
        for field in dataclasses.fields(cls)
        if _METADATA_KEY in field.metadata
    }


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Base of everything that is described by hyperparameters; checks them when it is built.

    Raises:
        ValueError: a value is outside its valid range; the message names the field (with the
            registered name before a dot, where there is one), the value and the range.
    """

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        prefix = f"{self.name}." if self.name else ""
        for key, spec in specification(type(self)).items():
            checked = spec.check(prefix + key, getattr(self, key))
            object.__setattr__(self, key, checked)
        for key, spec in specification(type(self)).items():
            value = getattr(self, key)
            if value != spec.default and (missing := unmet(spec.needs, self.values())):
                found = " and ".join(repr(getattr(self, other)) for other in missing)
                raise ValueError(
                    f"{prefix}{key} = {value!r} needs {in_words(missing, prefix)}, which is "
                    f"{found}; valid: {spec.default!r}"
                )

    def values(self) -> dict[str, Any]:
        """Return the hyperparameters by name."""
        return {key: getattr(self, key) for key in specification(type(self))}

    def present(self) -> dict[str, Any]:
        """Return those hyperparameters that exist beside the values of the others, by name."""
        values, specs = self.values(), specification(type(self))
        return {key: value for key, value in values.items() if exists(specs[key], values)}
