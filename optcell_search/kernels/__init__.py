"""The loops over time: `scan` for the traces of rules, `recur` and `torch_rnn` for cells."""

from __future__ import annotations

from .native import torch_rnn
from .reference import recur, scan

__all__ = ["recur", "scan", "torch_rnn"]
