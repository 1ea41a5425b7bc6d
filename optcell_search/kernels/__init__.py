"""The loops over time: traces of rules, recurrences of cells, and which kernel runs them."""

from __future__ import annotations

from .backends import FAST, Choice, Loop, backend, choose, pick
from .delta import delta
from .driven import driven
from .gated_scan import gated_scan, gates
from .linear_scan import linear_scan
from .native import torch_rnn
from .normalize import normalize
from .precision import wide
from .recurrence import recurrence
from .reference import recur
from .scan import scan

__all__ = [
    "FAST", "Choice", "Loop", "backend", "choose", "delta", "driven", "gated_scan", "gates", "linear_scan", "normalize",
    "pick", "recur", "recurrence", "scan", "torch_rnn", "wide",
]  # fmt: skip
