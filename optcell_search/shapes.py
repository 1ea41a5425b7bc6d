"""The types that annotate tensors with their shapes; checked in tests, free of cost elsewhere.

With jaxtyping installed these are its types, and the test suite lets beartype check every call.
An exported cell runs where torch is alone: there an annotation is just the tensor's class.

Legend: time (T steps), batch (B), features (D), pre-activation (G = gates x hidden), hidden (H).
A leading ``1|batch`` is written as a free name of its own, since it may be either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float, Int
else:
    try:
        from jaxtyping import Float, Int
    except ModuleNotFoundError:

        class Float:
            """Stand-in for jaxtyping.Float."""

            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Int = Float

__all__ = ["Float", "Int"]
