"""What autocast would do to the inputs of a recurrent module."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.utils.rnn import PackedSequence

_AUTOCAST = (torch.float32, torch.float16, torch.bfloat16)


def cast(data: Any, dtype: torch.dtype) -> Any:
    """Return what autocast would cast in `dtype`: neither float64 nor whole numbers."""
    given = (data.data if isinstance(data, PackedSequence) else data).dtype
    return data.to(dtype) if given in _AUTOCAST else data
