"""Packages that only some tasks need."""

from __future__ import annotations

import importlib
from typing import Any


def extra(module: str, *, needed_by: str, name: str) -> Any:
    """Return an optional module.

    Args:
        module: dotted name.
        needed_by: what asks for it, for the message.
        name: the extra of optcell-search that brings it.

    Raises:
        ValueError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ValueError(
            f"{needed_by} needs the package {module.partition('.')[0]}, which is not installed: "
            f"pip install 'optcell-search[{name}]'"
        ) from None
