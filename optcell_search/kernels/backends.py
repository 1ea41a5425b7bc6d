"""Which kernel runs a loop, and why not another one.

native      torch's own recurrent kernels (oneDNN, cuDNN); they take an input, so linear rules only
compiled    C++ for the CPU, built once with the compiler of the machine
triton      GPU
torch       plain torch operators, everywhere
reference   the readable loop, differentiable any number of times

Each is the folder of its name. All have ``refusal(loop, traced)``, which says why they cannot run a
loop, and the loops they know: ``reference`` and ``native`` as torch differentiates them, ``scan``,
``normalize``, ``recurrence`` and ``torch_rnn``; the others in pairs, ``scan_forward`` and
``scan_backward`` and so on, on the tensors of the operators.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import Any

import torch

from .loop import Loop
from .watching import only_plain

FAST = ("native", "compiled", "triton", "torch")
NAMES = (*FAST, "reference")

# What to try first, as measured by scripts/benchmarks/cells/bench_cells.py: under linear rules,
# which both can run,
# the compiled loop takes 0.4 to 1.0 times as long as torch's LSTM (oneDNN), and less against its
# GRU and RNN.
_RECURRENCES = ("compiled", "native", "triton", "torch")
_FILTERS = ("compiled", "triton", "torch")
_WITHOUT_H = ("scan", "normalize", "linear_scan", "delta", "hippo")

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


def loop_of(backend: str, name: str) -> Callable[..., Any]:
    """Return a loop of a back-end, e.g. ``"scan_forward"`` of ``"torch"``."""
    return getattr(_module(backend), name)  # type: ignore[no-any-return]


@cache
def _module(backend: str) -> ModuleType:
    # What builds or loads an accelerator does so when it is first asked for.
    return importlib.import_module(f".{backend}", __package__)


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
    order = _FILTERS if loop.kind in _WITHOUT_H else _RECURRENCES
    plain = only_plain()
    if plain is not None:
        return Choice("reference", dict.fromkeys(order, plain))
    for name in (*([forced] if forced else []), *order):
        if name not in skipped:
            reason = _module(name).refusal(loop, traced)
            if reason is None:
                return Choice(name, skipped)
            skipped[name] = reason
    return Choice("reference", skipped)
