"""From what JSON gives back to what was written."""

from __future__ import annotations

from typing import Any


def tuples(data: dict[str, Any]) -> dict[str, Any]:
    """Return the values with every list as the tuple that it was."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
