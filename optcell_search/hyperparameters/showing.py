"""Values as a message has them: on one short line."""

from __future__ import annotations

import reprlib
from typing import Any

# Optuna's storages keep 64-bit integers, and Python refuses to print very long ones.
_LARGEST_INTEGER_BITS = 63


def oversized(value: object) -> bool:
    """Whether `value` is an integer that neither a float nor a study can be trusted with."""
    return isinstance(value, int) and value.bit_length() > _LARGEST_INTEGER_BITS


def shown(value: Any) -> str:
    """Return `value` as one short line, whatever it is."""
    if oversized(value):
        return f"an integer of {value.bit_length()} bits"
    # reprlib stops at a few levels and items, so that neither depth nor length does any harm; it
    # leaves the oversized integers inside a container to Python, which may refuse them.
    if isinstance(value, dict | list | tuple | set | frozenset):
        return f"a {type(value).__name__} of {len(value)}"
    return reprlib.repr(value)
