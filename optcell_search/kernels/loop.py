"""What a back-end is asked about: a loop over time, by what it runs over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# What back-ends say who do not know that one.
NO_HIPPO = "a recurrence with a HiPPO memory has a compiled loop, and that of its cell"


@dataclass(frozen=True)
class Loop:
    """A loop over time that wants a kernel.

    Args:
        kind: ``"scan"``, ``"normalize"``, ``"linear_scan"``, ``"delta"``, ``"hippo"``,
            or the name of a cell's recurrence (``"lstm"``, ...).
        device, dtype: of its tensors.
        hidden_size: H of a recurrence.
        takes_input: whether the recurrence is over the input of the layer, as with a linear rule,
            and not over pre-activations made beforehand.
    """

    kind: str
    device: torch.device
    dtype: torch.dtype
    hidden_size: int = 0
    takes_input: bool = False

    @classmethod
    def like(cls, kind: str, tensor: Tensor, **more: Any) -> Loop:
        """Return the loop over a tensor."""
        return cls(kind, tensor.device, tensor.dtype, **more)
