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
_tracing: Callable[[], bool] = torch.jit.is_tracing  # type: ignore[attr-defined]
_exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)
# Where torch does not tell, the kernels' own error does: they are differentiated once.
_stack: Callable[[], list[Any] | None] = getattr(
    torch._C._functorch, "get_interpreter_stack", lambda: None
)
# Many gradients at once, as of torch.autograd.grad(is_grads_batched=True), lie in no memory.
_in_memory: Callable[[Tensor], bool] = getattr(torch._C, "_has_storage", lambda _: False)
_modes: Callable[[], int] = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 1)


def transformed() -> bool:
    """Whether a transform of torch.func is at work."""
    return _transforms()


def only_plain() -> str | None:
    """Say why no kernel but the plain one will do now, or None where others do."""
    if _tracing():
        return "torch.jit.trace, and what exports with it, records torch's own operators"
    if _exporting():
        return "an exported program holds torch's own operators"
    if _forward_level() >= 0:
        return "kernels have no forward-mode derivative"
    if _derivatives() > 1:
        return "kernels can be differentiated once"
    return None


def exporting() -> bool:
    """Whether torch.jit.trace or torch.export, or what exports with them, looks on."""
    return _tracing() or _exporting()


def _forward_level() -> int:
    level: int = getattr(torch.autograd.forward_ad, "_current_level", -1)
    return level


def _derivatives() -> int:
    """Derivatives by torch.func that are nested in each other here."""
    levels = _stack() if transformed() else None
    return sum(level.key().name == "Grad" for level in levels or ())


def unwatched(args: tuple[Any, ...]) -> bool:
    """Whether nothing looks on: no transform, no tracing, no subclass of a tensor."""
    return (
        not _transforms()
        and not _modes()
        and all(type(arg) in _PLAIN and _in_memory(arg) for arg in args if isinstance(arg, Tensor))
    )
