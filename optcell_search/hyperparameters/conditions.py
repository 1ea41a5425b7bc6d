"""Hyperparameters that exist only beside certain values of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By name of another hyperparameter of the same owner: the least that it must be, or a tuple of the
# values that it may have; all of them at once.
Needs = Mapping[str, float | tuple[Any, ...]]


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
