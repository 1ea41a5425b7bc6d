"""The loops over time: traces of rules, recurrences of cells, and which kernel runs them.

The public loops (`scan`, `normalize`, `recurrence`, `fused_layer`) stand above the back-ends, each
a folder of the name that `backend` takes, and these on `layout`, `loop` and `precision`.
"""

from __future__ import annotations

from .backends import FAST, Choice, backend, choose, pick
from .fused_layer import LayerWeights, fused_layer
from .hippo import HippoWeights, hippo
from .linear.delta import delta, delta_parts
from .linear.gated import gated_scan, gates
from .linear.readout import linear_readout
from .linear.scan import linear_scan
from .loop import Loop
from .native import torch_rnn
from .normalize import normalize
from .precision import LARGEST_RATE, wide
from .recurrence import recurrence
from .reference import recur, unroll
from .scan import scan
from .watching import exporting

__all__ = [
    "FAST", "LARGEST_RATE", "Choice", "HippoWeights", "LayerWeights", "Loop", "backend", "choose",
    "delta", "delta_parts", "exporting", "fused_layer", "gated_scan", "gates", "hippo",
    "linear_readout", "linear_scan", "normalize", "pick", "recur", "recurrence", "scan",
    "torch_rnn", "unroll", "wide",
]  # fmt: skip
