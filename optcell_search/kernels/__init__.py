"""The loops over time: traces of rules, recurrences of cells, and which kernel runs them."""

from __future__ import annotations

from .backends import FAST, Choice, Loop, backend, choose, pick
from .driven import driven
from .native import torch_rnn
from .normalize import normalize
from .precision import wide
from .recurrence import recurrence
from .reference import recur
from .scan import scan

__all__ = [
    "FAST", "Choice", "Loop", "backend", "choose", "driven", "normalize", "pick", "recur",
    "recurrence", "scan", "torch_rnn", "wide",
]  # fmt: skip
