"""The state of an OptCell between two pieces of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ..kernels import wide
from ..rules.base import RuleState


class LayerState(NamedTuple):
    """State of one layer in one direction: the cell's hidden parts and the rule's traces.

    `rule` is None where the rule starts afresh: behind tensors h (and c) that somebody made.
    """

    hidden: tuple[Tensor, ...]
    rule: RuleState | None


class State(tuple[LayerState, ...]):
    """What an `OptCell` goes on from: a `LayerState` for each layer and direction.

    They stand in the order of torch's modules: l0, l0_reverse, l1, ... What common code does to a
    hidden state of torch's (detach all of it, recursively; `torch.save`; `torch.load` with
    ``weights_only=True``) can be done to it, and an `OptCell` takes what comes back.

    Attributes:
        cell: whose state it is, as `Cell.keeps` says; empty where that is not known, as behind
            code that made plain tuples of it.
    """

    cell = ""

    @classmethod
    def of(cls, layers: Iterable[LayerState], cell: str) -> Self:
        """Return the state of a cell."""
        state = cls(layers)
        state.cell = cell
        return state

    def _stacked(self, part: int) -> Tensor:
        return torch.stack([layer.hidden[part] for layer in self])

    @property
    def h(self) -> Tensor:
        """The hidden state as torch's modules give it, (layers x directions, B, H)."""
        return self._stacked(0)

    @property
    def c(self) -> Tensor:
        """The second part of the hidden state, c of an LSTM, as torch's modules give it."""
        if len(self[0].hidden) == 1:
            raise AttributeError("this state has no c, its cell keeps h alone")
        return self._stacked(1)

    def without_traces(self) -> Tensor | tuple[Tensor, ...]:
        """Return the hidden state alone: h, or (h, c), as torch's modules take it for a start.

        It starts any module of the same cell and hidden size, whatever its rule and input, such as
        the decoder behind an encoder; the rule starts afresh there.
        """
        parts = tuple(self._stacked(part) for part in range(len(self[0].hidden)))
        return parts if len(parts) > 1 else parts[0]

    def detach(self) -> State:
        """Return the same state, cut from the graph that made it."""
        return self.map(Tensor.detach)

    def to(self, *args: Any, **kwargs: Any) -> State:
        """Return it on another device or in another dtype, as `Tensor.to`; counts stay whole."""

        def move(part: Tensor) -> Tensor:
            moved = part.to(*args, **kwargs)
            return moved if part.is_floating_point() else part.to(moved.device)

        return self.map(move)

    def map(self, function: Callable[[Tensor], Tensor]) -> State:
        """Return it with `function` applied to every tensor."""
        layers = (
            LayerState(
                tuple(map(function, hidden)),
                None
                if rule is None
                else RuleState(tuple(map(function, rule.traces)), function(rule.steps)),
            )
            for hidden, rule in self
        )
        return self.of(layers, self.cell)


class SingleState(State):
    """The state of a single sequence without a batch dimension; inside, it is a batch of 1."""

    def _stacked(self, part: int) -> Tensor:
        return super()._stacked(part).squeeze(1)


def _let_torch_look_into(kind: type[State]) -> None:
    """Tell torch's transforms, which look into tuples but not into their subclasses unasked.

    The interface is torch's own and not promised to stay; without it a state cannot come out of a
    transform or an export, and all else goes on.
    """
    register = getattr(getattr(torch.utils, "_pytree", None), "register_pytree_node", None)
    if register is None:
        return
    from torch.utils._pytree import SequenceKey

    register(
        kind,
        lambda state: (list(state), state.cell),
        kind.of,
        serialized_type_name=f"{__name__}.{kind.__name__}",
        flatten_with_keys_fn=lambda state: (
            [(SequenceKey(i), layer) for i, layer in enumerate(state)],
            state.cell,
        ),
    )


_let_torch_look_into(State)
_let_torch_look_into(SingleState)
# torch.load(weights_only=True) makes only what it is told of.
torch.serialization.add_safe_globals([State, SingleState, LayerState, RuleState])


def check_cell(state: State, cell: str) -> None:
    """Raise a ValueError where it is known to be the state of another cell, of whatever shapes."""
    if state.cell and state.cell != cell:
        raise ValueError(f"state of a cell {state.cell}; valid here: one of {cell}")


def with_layers(state: Any, layers: Iterable[Any]) -> Any:
    """Return other layers as a state of the same kind and cell; a plain tuple stays one."""
    made = type(state)(layers)
    if isinstance(made, State):
        made.cell = state.cell
    return made


def check_batch(state: State, batch: int) -> None:
    """Raise a ValueError where a state holds another number of sequences."""
    for hidden, rule in state:
        for part in (*hidden, *(rule.traces if rule else ())):
            if part.shape[0] not in (1, batch):
                raise ValueError(f"state of {part.shape[0]} sequences; valid here: {batch}")


def widened(hidden: tuple[Tensor, ...], fresh: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return hidden parts in single precision where `fresh` ones are and they are in half."""
    if len(hidden) != len(fresh):
        return hidden
    return tuple(
        part.to(new.dtype) if new.dtype == wide(part.dtype) else part
        for part, new in zip(hidden, fresh, strict=True)
    )


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
    return state.detach()


def map_batch(state: State, function: Callable[[Tensor], Tensor]) -> State:
    """Apply `function` to every tensor of a state that has a batch dimension in front."""
    # What all sequences share, such as one counter, has no batch dimension to speak of.
    return state.map(lambda part: part if part.shape[0] == 1 else function(part))
