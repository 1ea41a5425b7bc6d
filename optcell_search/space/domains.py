"""The values a hyperparameter may take: fixed, a few choices, or a range of numbers.

Domains are value objects. Points of a range are computed exactly, with fractions and with decimal
logarithms, and rounded to a float once: the same seed gives the same candidate, to the last bit, on
every machine, whatever its mathematics library.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any, Protocol

Value = bool | int | float | str

_CONTEXT = decimal.Context(prec=34)


class Trial(Protocol):
    """What a space asks of an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of `choices`."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a number in [low, high]."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in [low, high]."""


@dataclass(frozen=True)
class Fixed:
    """One value; nothing to search."""

    value: Value

    @property
    def size(self) -> int:
        """Number of values."""
        return 1

    def suggest(self, trial: Trial, name: str) -> Value:
        """Return the value; the trial is not asked."""
        return self.value

    def sample(self, random: Random) -> Value:
        """Return the value."""
        return self.value

    def grid(self, points: int) -> list[Value]:
        """Return the value alone."""
        return [self.value]

    def __contains__(self, value: object) -> bool:
        return value == self.value

    def plain(self) -> Any:
        """Return what stands in a TOML file."""
        return self.value


@dataclass(frozen=True)
class Choices:
    """One of several values without an order."""

    options: tuple[Value, ...]

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.options)

    def suggest(self, trial: Trial, name: str) -> Value:
        """Return the trial's choice."""
        value: Value = trial.suggest_categorical(name, self.options)
        return value

    def sample(self, random: Random) -> Value:
        """Return one of the options, all equally likely."""
        return self.options[random.randrange(len(self.options))]

    def grid(self, points: int) -> list[Value]:
        """Return all options, however many `points` are asked for."""
        return list(self.options)

    def __contains__(self, value: object) -> bool:
        return value in self.options

    def plain(self) -> Any:
        """Return what stands in a TOML file."""
        return {"choices": list(self.options)}


@dataclass(frozen=True)
class Reals:
    """Real numbers in [low, high]: all of them, evenly or on a log scale, or every `step`-th."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def size(self) -> int | None:
        """Number of values; None when continuous."""
        if self.step is None:
            return None
        return (_exact(self.high) - _exact(self.low)) // _exact(self.step) + 1

    def suggest(self, trial: Trial, name: str) -> float:
        """Return the trial's number; with a step, the nearest exact multiple of it."""
        value = float(trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log))
        return value if self.step is None else self._step(self._nearest(value))

    def sample(self, random: Random) -> float:
        """Return a number that is uniform on the range's own scale."""
        if self.size is not None:
            return self._step(random.randrange(self.size))
        return self._at(Fraction(random.random()))

    def grid(self, points: int) -> list[Value]:
        """Return at most `points` numbers, evenly spread from `low` to `high`."""
        if self.size is not None:
            return [self._step(index) for index in _spread(self.size, points)]
        return list(dict.fromkeys(self._at(share) for share in _shares(points)))

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or value == self._step(self._nearest(value))

    def plain(self) -> Any:
        """Return what stands in a TOML file."""
        return _plain_range(self.low, self.high, self.log, self.step)

    def _at(self, share: Fraction) -> float:
        value = float(_between(_exact(self.low), _exact(self.high), share, log=self.log))
        return min(max(value, self.low), self.high)

    def _nearest(self, value: float) -> int:
        assert self.step is not None
        return round((_exact(value) - _exact(self.low)) / _exact(self.step))

    def _step(self, index: int) -> float:
        assert self.step is not None
        return float(_exact(self.low) + index * _exact(self.step))


@dataclass(frozen=True)
class Integers:
    """Integers in [low, high]: every `step`-th evenly, or all of them on a log scale."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def suggest(self, trial: Trial, name: str) -> int:
        """Return the trial's integer."""
        return int(trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log))

    def sample(self, random: Random) -> int:
        """Return an integer that is uniform on the range's own scale."""
        if not self.log:
            return self.low + self.step * random.randrange(self.size)
        # Half a unit more at both ends gives the first and the last integer their full share.
        half = Fraction(1, 2)
        share = Fraction(random.random())
        value = round(_between(self.low - half, self.high + half, share, log=True))
        return min(max(value, self.low), self.high)

    def grid(self, points: int) -> list[Value]:
        """Return at most `points` integers, evenly spread from `low` to `high`."""
        if not self.log:
            return [self.low + self.step * index for index in _spread(self.size, points)]
        if points >= self.size:
            return list(range(self.low, self.high + 1))
        low, high = Fraction(self.low), Fraction(self.high)
        return list(
            dict.fromkeys(round(_between(low, high, share, log=True)) for share in _shares(points))
        )

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def plain(self) -> Any:
        """Return what stands in a TOML file."""
        return _plain_range(self.low, self.high, self.log, None if self.step == 1 else self.step)


Domain = Fixed | Choices | Reals | Integers


def typical(domain: Domain, default: object) -> Value:
    """Return `default` where it is a choice or inside the range, else the first or the middle."""
    inside = not isinstance(domain, Reals | Integers) or (
        isinstance(default, int | float) and domain.low < default < domain.high
    )
    if inside and isinstance(default, bool | int | float | str) and default in domain:
        return default
    return domain.grid(1)[0]


def closest(domain: Domain, value: float) -> Value:
    """Return what of a domain of numbers is the closest to one; of two the smaller."""
    if isinstance(domain, Fixed | Choices):
        return min(domain.grid(1), key=lambda one: abs(float(one) - value))
    value = min(max(value, domain.low), domain.high)
    if domain.step is None:
        return value
    low, step = _exact(domain.low), _exact(domain.step)
    found = low + step * math.ceil((_exact(value) - low) / step - Fraction(1, 2))
    return int(found) if isinstance(domain, Integers) else float(found)


def _plain_range(low: float, high: float, log: bool, step: float | None) -> dict[str, float | bool]:
    table: dict[str, float | bool] = {"low": low, "high": high}
    if log:
        table["log"] = True
    if step is not None:
        table["step"] = step
    return table


def _exact(value: float) -> Fraction:
    # The number as it was written: 0.1 is one tenth, not its nearest binary fraction.
    return Fraction(repr(value))


def _between(low: Fraction, high: Fraction, share: Fraction, *, log: bool) -> Fraction:
    if not log:
        return low + share * (high - low)
    first, last = (_CONTEXT.ln(_decimal(end)) for end in (low, high))
    distance = _CONTEXT.multiply(_decimal(share), _CONTEXT.subtract(last, first))
    return Fraction(_CONTEXT.exp(_CONTEXT.add(first, distance)))


def _decimal(value: Fraction) -> decimal.Decimal:
    return _CONTEXT.divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator))


def _shares(points: int) -> list[Fraction]:
    if points == 1:
        return [Fraction(1, 2)]
    return [Fraction(index, points - 1) for index in range(points)]


def _spread(size: int, points: int) -> list[int]:
    return [round(share * (size - 1)) for share in _shares(min(points, size))]
