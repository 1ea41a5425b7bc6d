"""The precision that values and traces are computed in."""

from __future__ import annotations

import torch

_HALVES = (torch.float16, torch.bfloat16)


# exp of it is a number in single precision, and what decays by that much is gone in a step.
LARGEST_RATE = 80.0


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return float32 for the half precisions, in which a decay of 0.999 is 1; else `dtype`.

    Unlike `torch.promote_types` it is no operator in a trace.
    """
    return torch.float32 if dtype in _HALVES else dtype
