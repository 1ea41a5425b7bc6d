"""What a hyperparameter may be: a real number, an integer, or one of a few values."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .conditions import Needs, unmet
from .showing import shown


@dataclass(frozen=True, kw_only=True)
class Real:
    """A real number, searched in [low, high] and valid between valid_low and valid_high.

    `learnable` says whether gradient descent may move it, where a cell learns its rule.

    Raises:
        ValueError: the default or an end of the search range is not valid, or the range is upside
            down, or not above 0 on a log scale.
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

    def __post_init__(self) -> None:
        """Check the declaration."""
        _check_search(self)

    @property
    def valid(self) -> str:
        """The valid range in words, e.g. ``0 <= value < 1``."""
        left = "<" if self.open_low else "<="
        right = "<" if self.open_high else "<="
        return f"{self.valid_low:g} {left} value {right} {self.valid_high:g}"

    def check(self, label: str, value: Any) -> float:
        """Return `value` as a float, or raise a ValueError that names label, value and range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{label} = {shown(value)} is not a number; valid: {self.valid}")
        above = value > self.valid_low if self.open_low else value >= self.valid_low
        below = value < self.valid_high if self.open_high else value <= self.valid_high
        # Not math.isfinite, which an integer beyond all floats is too much for.
        if not (above and below and abs(value) <= sys.float_info.max):
            raise ValueError(f"{label} = {shown(value)} is out of range; valid: {self.valid}")
        # -0.0 is 0.0, and one candidate has one key.
        return float(value) + 0.0


@dataclass(frozen=True, kw_only=True)
class Integer:
    """An integer, searched in [low, high] and valid in [valid_low, valid_high].

    Raises:
        ValueError: as of a `Real`.
    """

    default: int
    low: int
    high: int
    log: bool = False
    valid_low: int = 0
    valid_high: int = 2**31
    needs: Needs = field(default_factory=dict)
    since: str = ""
    doc: str = ""

    def __post_init__(self) -> None:
        """Check the declaration."""
        _check_search(self)

    @property
    def valid(self) -> str:
        """The valid range in words."""
        return f"integers, {self.valid_low} <= value <= {self.valid_high}"

    def check(self, label: str, value: Any) -> int:
        """Return `value`, or raise a ValueError that names label, value and range."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{label} = {shown(value)} is not an integer; valid: {self.valid}")
        if not self.valid_low <= value <= self.valid_high:
            raise ValueError(f"{label} = {shown(value)} is out of range; valid: {self.valid}")
        return value


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values, all of which are searched.

    `more`, where given, returns options that are valid, too, though not searched unless asked for;
    it is called when a value is checked, and not before.

    Raises:
        ValueError: the options are not plain values, each once, or the default is none of them.
    """

    default: Any
    options: tuple[Any, ...]
    more: Callable[[], tuple[Any, ...]] | None = None
    needs: Needs = field(default_factory=dict)
    since: str = ""
    doc: str = ""

    def __post_init__(self) -> None:
        """Check the declaration."""
        plain = self.options and all(map(_is_plain, self.options))
        if not plain or len(set(self.options)) < len(self.options):
            raise ValueError(
                f"options = {self.options!r} cannot be told apart in a file; "
                "valid: truth values, finite numbers and texts, each once"
            )
        # What else is valid may be known only when all is loaded.
        if self.more is None:
            self.check("default", self.default)

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
            raise ValueError(f"{label} = {shown(value)} is not an option; valid: {self.valid}")
        return value


Specification = Real | Integer | Choice


def exists(spec: Specification, values: Mapping[str, Any]) -> bool:
    """Return whether a hyperparameter exists beside the `values` of its owner's others."""
    return not unmet(spec.needs, values)


def _check_search(spec: Real | Integer) -> None:
    for key, value in (("default", spec.default), ("low", spec.low), ("high", spec.high)):
        spec.check(key if key == "default" else f"search: {key}", value)
    if spec.low > spec.high:
        raise ValueError(f"search = {(spec.low, spec.high)} is upside down; valid: low <= high")
    if spec.log and spec.low <= 0:
        raise ValueError(f"log = True with search: low = {spec.low!r}; valid: low > 0")


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | str) or (
        isinstance(value, float) and math.isfinite(value)
    )
