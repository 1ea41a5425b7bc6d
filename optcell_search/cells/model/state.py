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
        front: see `Front.running`.
        pool: what the read-out has gathered so far of the layers' outputs.
        means: what it has gathered of a parallel front's.
        held: (B, 1, features), what was read last, where a front has a stride.
    """

    cell: State | None
    front: tuple[Tensor, ...] | None = None
    pool: tuple[Tensor, ...] | None = None
    means: tuple[Tensor, ...] | None = None
    held: tuple[Tensor, ...] = ()


def detached(state: State | ModelState) -> State | ModelState:
    """Return the same state, cut from the graph that made it."""
    if not isinstance(state, ModelState):
        return recurrent.detached(state)
    cell = None if state.cell is None else recurrent.detached(state.cell)
    front, pool, means, held = (tuple(part.detach() for part in kept or ()) for kept in state[1:])
    return ModelState(cell, front, pool, means, held)
