"""Which kernel runs a loop, and why not another one.

native      torch's own recurrent kernels (oneDNN, cuDNN); they take an input, so linear rules only
compiled    C++ for the CPU, built once with the compiler of the machine
triton      GPU
torch       plain torch operators, everywhere
reference   the readable loop, differentiable any number of times
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FAST = ("native", "compiled", "triton", "torch")
NAMES = (*FAST, "reference")

# What to try first, as measured by scripts/benchmarks/bench_cells.py: under linear rules,
# which both can run,
# the compiled loop takes 0.4 to 1.0 times as long as torch's LSTM (oneDNN), and less against its
# GRU and RNN.
_RECURRENCES = ("compiled", "native", "triton", "torch")
_FILTERS = ("compiled", "triton", "torch")

_forced: ContextVar[str | None] = ContextVar("optcell_backend", default=None)


class Choice(str):
    """The name of the kernel that runs, with what was passed over before it and why."""

    skipped: dict[str, str]

    def __new__(cls, name: str, skipped: dict[str, str]) -> Choice:
        choice = super().__new__(cls, name)
        choice.skipped = skipped
        return choice

    def __getnewargs__(self) -> tuple[str, dict[str, str]]:  # type: ignore[override]
        return str(self), self.skipped

    def __repr__(self) -> str:
        reasons = "".join(f"; not {name}: {reason}" for name, reason in self.skipped.items())
        return str(self) + reasons


@dataclass(frozen=True)
class Loop:
    """A loop over time that wants a kernel.

    Args:
        kind: ``"scan"``, ``"normalize"``, or the name of a cell's recurrence (``"lstm"``, ...).
        device, dtype: of its tensors.
        hidden_size: H of a recurrence.
        takes_input: whether the recurrence is over the input of the layer, as with a linear rule,
            and not over a drive made beforehand.
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


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Prefer a kernel inside this context, for all loops it can run; the others run as always.

    Args:
        name: ``"reference"``, ``"native"``, ``"compiled"``, ``"triton"`` or ``"torch"``.

    Raises:
        ValueError: there is no such kernel.
    """
    if name not in NAMES:
        raise ValueError(f"unknown backend {name!r}; valid: {', '.join(NAMES)}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def choose(loop: Loop) -> Choice:
    """Return the first kernel that can run a loop: the preferred one, then the fastest."""
    return _choose(loop, traced=False)


def pick(loop: Loop) -> str:
    """Return the name `choose` gives, also while torch.compile or torch.export traces."""
    if torch.compiler.is_compiling():
        where = loop.device.type
        name: str = _traced(loop.kind, where, loop.dtype, loop.hidden_size, loop.takes_input)
        return name
    return _choose(loop, traced=False)


def _traced(kind: str, device: str, dtype: torch.dtype, hidden_size: int, takes_input: bool) -> str:
    """Choose while torch traces; what it compiles keeps the kernel chosen here."""
    loop = Loop(kind, torch.device(device), dtype, hidden_size, takes_input)
    return str(_choose(loop, traced=True))


# What torch.compiler.assume_constant_result does, without importing all of torch's compiler with
# this package.
_traced._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _choose(loop: Loop, traced: bool) -> Choice:
    forced = _forced.get()
    skipped: dict[str, str] = {}
    order = _FILTERS if loop.kind in ("scan", "normalize") else _RECURRENCES
    for name in (*([forced] if forced else []), *order):
        if name not in skipped:
            reason = _refusal(name, loop, traced)
            if reason is None:
                return Choice(name, skipped)
            skipped[name] = reason
    raise AssertionError(f"the torch backend refused {loop}")


def _refusal(name: str, loop: Loop, traced: bool) -> str | None:
    """Say why a kernel cannot run a loop, or None where it can."""
    # Imported here: what builds or loads an accelerator does so when it is first asked for.
    if name == "native":
        return _native_refusal(loop, traced)
    if name == "compiled":
        from . import compiled

        return compiled.refusal(loop.device, loop.dtype)
    if name == "triton":
        from . import gpu

        return gpu.refusal(loop.kind, loop.device, loop.dtype, loop.hidden_size)
    return None


def _native_refusal(loop: Loop, traced: bool) -> str | None:
    if not loop.takes_input:
        return "torch's recurrent kernels take an input, not a drive filtered beforehand"
    if traced:
        return "torch.compile takes torch's recurrent kernels apart, step by step"
    if torch._C._are_functorch_transforms_active():
        return "torch.func cannot map torch's recurrent kernels"
    return None
