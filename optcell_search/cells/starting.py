"""What an OptCell may be told to start from, in whatever form it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..rules.base import RuleState
from .state import LayerState, SingleState, State

# A `State`, the same as plain tuples or lists, h, or (h, c).
Start = Tensor | Sequence[Any]

_VALID = "valid: what the call before returned, a tensor h, or tensors (h, c)"


def as_state(start: Start, layers: int, batched: bool) -> State:
    """Return what a module is to go on from as a `State`.

    Args:
        start: a `State`; the same as plain tuples, as recursive code leaves it behind; or tensors
            h or (h, c) as torch's modules take them, (layers x directions, B, H) each, without B
            for a single sequence.
        layers: layers x directions of the module.
        batched: whether its input has a batch dimension.

    Raises:
        ValueError: it is none of these, or of another number of layers or dimensions.
    """
    parts = (start,) if isinstance(start, Tensor) else start
    if not isinstance(parts, tuple | list):
        raise ValueError(f"state of type {type(start).__name__}; {_VALID}")
    if parts and all(isinstance(part, Tensor) for part in parts):
        return _of_tensors(parts, layers, batched)
    if len(parts) != layers:
        raise ValueError(f"state of {len(parts)} layers and directions; valid here: {layers}")
    return parts if isinstance(parts, State) else State(map(_as_layer, parts))


def _of_tensors(parts: Sequence[Tensor], layers: int, batched: bool) -> State:
    h = parts[0]
    if h.dim() != 2 + batched:
        here, other = ("batched 3-D", "3-D") if batched else ("unbatched 2-D", "2-D")
        raise ValueError(f"For {here} input, hx should also be {other} but got {h.dim()}-D tensor")
    for part in parts:
        if part.shape[0] != layers:
            raise ValueError(
                f"Expected hidden size ({layers}, {', '.join(map(str, h.shape[1:]))}), got "
                f"{tuple(part.shape)}: the first dimension is layers x directions"
            )
    parts = parts if batched else [part.unsqueeze(1) for part in parts]
    kind = State if batched else SingleState
    return kind(LayerState(tuple(part[i] for part in parts), None) for i in range(layers))


def _as_layer(given: Any) -> LayerState:
    """Return one layer's state from plain tuples."""
    try:
        hidden, rule = given
        traces, steps = rule
        parts = tuple(hidden), tuple(traces)
    except (TypeError, ValueError):
        raise ValueError(f"state of another form than this module's; {_VALID}") from None
    if not all(isinstance(part, Tensor) for part in (*parts[0], *parts[1], steps)):
        raise ValueError(f"state that holds other things than tensors; {_VALID}")
    return LayerState(parts[0], RuleState(parts[1], steps))
