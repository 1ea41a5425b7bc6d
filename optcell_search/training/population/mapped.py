"""One model that stands for many: it answers with each one's weights at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from optcell_search.cells.building import AnyModel
from optcell_search.cells.model import ModelState, detached
from optcell_search.cells.state import State
from optcell_search.training.trainer import Training

from .forms import mapped_rule
from .stack import rule_values


class States:
    """The states that many models go on from, each part with a dimension in front.

    Attributes:
        parts: (K, ...) each.
        layout: a state of one model, which tells how they make one.
    """

    def __init__(self, parts: Sequence[Tensor], layout: Any) -> None:
        self.parts, self.layout = list(parts), layout


class Mapped:
    """A model whose weights, buffers and rule's values are handed to it, for all trainings at once.

    Args:
        trainings: of one form and family.
    """

    def __init__(self, trainings: Sequence[Training]) -> None:
        first = trainings[0]
        rules = [mapped_rule(training.candidate) for training in trainings]
        with torch.random.fork_rng(devices=[]):
            model = first.candidate.build(first.task, rule=rules[0])
        dtype = next(first.live.parameters()).dtype
        self.model: AnyModel = model.to(first.device, dtype)
        self._chunk = first.task.chunk
        self._values = rule_values(self.model, rules)
        self._places = {
            name: _place(self.model, name, kind)
            for kind, named in (
                ("_parameters", self.model.named_parameters()),
                ("_buffers", self.model.named_buffers()),
            )
            for name, _ in named
        }

    def __call__(
        self, numbers: Mapping[str, Tensor], inputs: Tensor, states: States | None = None
    ) -> tuple[Tensor, States | None]:
        """Return the outputs (K, B, ...), and where sequences come in pieces, states to go on from.

        Args:
            numbers: weights and buffers by name, (K, ...) each.
            inputs: (K, B, T, features).
            states: what the call on the piece before returned.
        """
        layout: Any = None

        def answer(own: dict[str, Tensor], x: Tensor, parts: list[Tensor]) -> list[Tensor]:
            nonlocal layout
            for name, tensor in own.items():
                holder, key = self._places[name]
                holder[key] = tensor
            if not self._chunk:
                return [self.model(x)]
            state = None if states is None else _filled(states.layout, iter(parts))
            outputs, after = self.model.stream(x, state)
            layout = detached(cast(State | ModelState, after))
            return [outputs, *_tensors(layout)]

        parts = [] if states is None else states.parts
        # What draws for itself, not by `cells.dropping`, cannot draw from each training's stream.
        mapped = torch.func.vmap(answer, randomness="error")
        outputs, *after = mapped({**numbers, **self._values}, inputs, parts)
        return outputs, States(after, layout) if self._chunk else None


def _tensors(state: Any) -> list[Tensor]:
    """Return the tensors that a state is made of, in order."""
    if isinstance(state, Tensor):
        return [state]
    return [tensor for part in state for tensor in _tensors(part)]


def _filled(layout: Any, tensors: Iterator[Tensor]) -> Any:
    """Return a state of the same layout made of other tensors."""
    if isinstance(layout, Tensor):
        return next(tensors)
    parts = [_filled(part, tensors) for part in layout]
    return type(layout)(*parts) if hasattr(layout, "_fields") else type(layout)(parts)


def _place(model: nn.Module, name: str, kind: str) -> tuple[dict[str, Any], str]:
    """Return where a module keeps a parameter or a buffer, and under which key."""
    owner, _, own = name.rpartition(".")
    return getattr(model.get_submodule(owner), kind), own
