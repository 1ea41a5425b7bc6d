"""What autocast would do to the inputs of a recurrent module."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.utils.rnn import PackedSequence

from .base import Hidden
from .state import LayerState, State

_AUTOCAST = (torch.float32, torch.float16, torch.bfloat16)


def cast(data: Any, dtype: torch.dtype) -> Any:
    """Return what autocast would cast in `dtype`: neither float64 nor whole numbers."""
    given = (data.data if isinstance(data, PackedSequence) else data).dtype
    return data.to(dtype) if given in _AUTOCAST else data


def cast_state(state: State, fresh: Hidden, dtype: torch.dtype) -> State:
    """Return a state in the dtypes of a `fresh` one, which may be wider than the inputs' `dtype`.

    Traces of the rule are in `dtype`.
    """

    def layer(given: LayerState) -> LayerState:
        hidden, rule = given
        if len(hidden) == len(fresh):  # what does not fit is refused later, as it is
            hidden = tuple(
                cast(part, new.dtype) if new.is_floating_point() else part
                for part, new in zip(hidden, fresh, strict=True)
            )
        if rule is not None:
            rule = rule._replace(traces=tuple(cast(trace, dtype) for trace in rule.traces))
        return LayerState(hidden, rule)

    return state.of(map(layer, state), state.cell)
