"""New limits that are asked of a search at work; nothing that trains is needed for asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .resolving.amounts import integer, seconds_of


def checked(
    num_trials: int | None, time: str | float | None, patience: int | None
) -> dict[str, Any]:
    """Return the limits that are asked for as they are kept for the search at work.

    Raises:
        ValueError: a limit is none, or none is given.
    """
    found: dict[str, Any] = {}
    if num_trials is not None:
        found["num_trials"] = integer("num_trials", num_trials, 1)
    if time is not None:
        found["time"] = seconds_of("time", time)
    if patience is not None:
        found["patience"] = integer("patience", patience, 0)
    if not found:
        raise ValueError("extend: asks for nothing; valid: new trials, time or patience, in all")
    return found


def sound(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return of what a study holds that which `checked` could have returned."""
    kinds = {"num_trials": (int,), "time": (int, float), "patience": (int,)}
    return {name: asked[name] for name, valid in kinds.items() if type(asked.get(name)) in valid}
