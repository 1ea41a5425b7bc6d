"""Hyperparameters that exist only beside certain values of others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

# By name of another hyperparameter of the same owner: the least that it must be, or a tuple of the
# values that it may have; all of them at once.
Needs = Mapping[str, float | tuple[Any, ...]]


def unmet(needs: Needs, values: Mapping[str, Any]) -> Needs:
    """Return what of `needs` the `values` of the others do not meet."""
    return {other: wanted for other, wanted in needs.items() if not _meets(values[other], wanted)}


def together(*needs: Needs) -> Needs:
    """Return what is needed by all of several."""
    found: dict[str, float | tuple[Any, ...]] = {}
    for other, wanted in itertools.chain.from_iterable(each.items() for each in needs):
        found[other] = _both(found[other], wanted) if other in found else wanted
    return found


def in_words(needs: Needs, prefix: str = "") -> str:
    """Return what is needed, e.g. ``depth >= 4`` or ``front = 'serial' or 'parallel'``."""
    return " and ".join(
        f"{prefix}{other} = {' or '.join(map(repr, wanted))}"
        if isinstance(wanted, tuple)
        else f"{prefix}{other} >= {wanted}"
        for other, wanted in needs.items()
    )


def _meets(value: Any, wanted: float | tuple[Any, ...]) -> bool:
    return bool(value in wanted if isinstance(wanted, tuple) else value >= wanted)


def _both(one: float | tuple[Any, ...], other: float | tuple[Any, ...]) -> float | tuple[Any, ...]:
    if isinstance(one, tuple):
        return tuple(value for value in one if _meets(value, other))
    return _both(other, one) if isinstance(other, tuple) else max(one, other)
