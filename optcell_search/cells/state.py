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
