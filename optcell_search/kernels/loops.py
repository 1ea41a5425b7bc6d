"""The functions behind each backend: all take and return the same tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def loop_of(backend: str, name: str) -> Callable[..., Any]:
    """Return a loop of a backend, e.g. ``"scan_forward"`` of ``"torch"``.

    What an accelerator needs is imported when it is first asked for.
    """
    if backend == "compiled":
        from . import compiled as module
    elif backend == "triton":
        from . import gpu as module  # type: ignore[no-redef]
    elif name.startswith("linear_scan"):
        from . import plain_linear as module  # type: ignore[no-redef]
    elif name.startswith("recurrence"):
        from . import plain_recurrence as module  # type: ignore[no-redef]
    else:
        from . import plain as module  # type: ignore[no-redef]
    return getattr(module, name)  # type: ignore[no-any-return]
