"""The state of an OptCell between two pieces of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from ..rules.base import RuleState


class LayerState(NamedTuple):
    """State of one layer in one direction: the cell's hidden parts and the rule's traces."""

    hidden: tuple[Tensor, ...]
    rule: RuleState


# One entry for each layer and direction, in the order of torch's modules: l0, l0_reverse, l1, ...
State = tuple[LayerState, ...]


def check_batch(state: State, batch: int) -> None:
    """Raise a ValueError where a state holds another number of sequences."""
    for layer in state:
        for part in (*layer.hidden, *layer.rule.traces):
            if part.shape[0] not in (1, batch):
                raise ValueError(f"state of {part.shape[0]} sequences; valid here: {batch}")


# Sizes are read off `shape` in this file: len() of a traced tensor would be one fixed number.


def check_hidden(hidden: tuple[Tensor, ...], fresh: tuple[Tensor, ...], batch: int) -> None:
    """Make sure that hidden parts fit a batch.

    Args:
        hidden: what a layer is to go on from.
        fresh: what it would start from.
        batch: how many sequences there are.

    Raises:
        ValueError: they are of another batch size, another cell, another dtype or device.
    """
    same = len(hidden) == len(fresh) and all(
        (part.dtype, part.device, part.shape[1:]) == (new.dtype, new.device, new.shape[1:])
        # What all sequences share may have become a matter of each.
        and part.shape[0] in (new.shape[0], batch)
        for part, new in zip(hidden, fresh, strict=True)
    )
    if not same:
        raise ValueError(f"state of {_looks(hidden)}; valid here: {_looks(fresh)}")


def _looks(parts: tuple[Tensor, ...]) -> str:
    return ", ".join(f"{tuple(part.shape)} {part.dtype} on {part.device}" for part in parts)


def detached(state: State) -> State:
    """Return the same state, cut from the graph that made it."""
    return tuple(
        LayerState(
            tuple(part.detach() for part in layer.hidden),
            RuleState(
                tuple(trace.detach() for trace in layer.rule.traces), layer.rule.steps.detach()
            ),
        )
        for layer in state
    )


def map_batch(state: State, function: Callable[[Tensor], Tensor]) -> State:
    """Apply `function` to every tensor of a state that has a batch dimension in front."""

    def each(tensor: Tensor) -> Tensor:
        # What all sequences share, such as one counter, has no batch dimension to speak of.
        return tensor if len(tensor) == 1 else function(tensor)

    return tuple(
        LayerState(
            tuple(map(each, layer.hidden)),
            RuleState(tuple(map(each, layer.rule.traces)), each(layer.rule.steps)),
        )
        for layer in state
    )
