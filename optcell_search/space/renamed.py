"""Tables of a space or a candidate that had another name in an earlier release."""

from __future__ import annotations

from typing import Any

OLD, NEW = "objective", "penalty"


def with_new_names(data: Any) -> Any:
    """Return `data` with its table ``objective``, as 0.1 called penalties, under ``penalty``.

    Data that holds both is returned as it is: the old name is then reported as unknown.
    """
    if isinstance(data, dict) and OLD in data and NEW not in data:
        return {NEW if name == OLD else name: table for name, table in data.items()}
    return data
