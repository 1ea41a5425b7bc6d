"""A loop over time for states of any form, where only the outputs are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

State = TypeVar("State")


def unroll(
    step: Callable[[Tensor, State], tuple[Tensor, State]], inputs: Tensor, state: State
) -> tuple[Tensor, State]:
    """Call `step` once for each entry of `inputs` and hand the state on.

    Unlike `recur` it gathers the outputs alone, not the history of the state: feature maps of
    every step are large, and a hierarchy has several of them.

    Args:
        step: (input_t, state) -> (output_t, state).
        inputs: (T, ...), T >= 1.
        state: before the first step.

    Returns:
        The outputs (T, ...) and the state after the last step.
    """
    outputs = []
    for input_t in inputs.unbind():
        output, state = step(input_t, state)
        outputs.append(output)
    return torch.stack(outputs), state
