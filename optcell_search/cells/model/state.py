"""The state of a whole model between two pieces of a sequence."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .. import state as recurrent
from ..state import State


class ModelState(NamedTuple):
    """What a model with a front or a pooled read-out goes on from; None: it starts.

    Attributes:
        cell: of the recurrent layers.
        front: each convolution's last inputs, (B, kernel - 1, features).
        pool: what the read-out has gathered so far of the layers' outputs.
        means: what it has gathered of a parallel front's.
    """

    cell: State | None
    front: tuple[Tensor, ...] | None
    pool: tuple[Tensor, ...] | None
    means: tuple[Tensor, ...] | None


def detached(state: State | ModelState) -> State | ModelState:
    """Return the same state, cut from the graph that made it."""
    if not isinstance(state, ModelState):
        return recurrent.detached(state)
    cell, *others = state
    return ModelState(
        None if cell is None else recurrent.detached(cell),
        *(None if parts is None else tuple(part.detach() for part in parts) for parts in others),
    )
