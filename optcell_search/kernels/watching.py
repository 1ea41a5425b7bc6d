"""Whether torch looks on while a kernel runs: its transforms, its tracing, subclasses of a tensor.

Torch tells this by private functions alone. Where a torch has them not, somebody is taken to look
on: the way through torch's dispatcher, which is right for all and slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_PLAIN = (Tensor, torch.nn.Parameter)
_transforms: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: True
)
_modes: Callable[[], int] = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 1)


def transformed() -> bool:
    """Whether a transform of torch.func is at work."""
    return _transforms()


def unwatched(args: tuple[Any, ...]) -> bool:
    """Whether nothing looks on: no transform, no tracing, no subclass of a tensor."""
    return (
        not _transforms()
        and not _modes()
        and all(type(arg) in _PLAIN for arg in args if isinstance(arg, Tensor))
    )
