"""The loops in C++ for the CPU. Shapes are those of the operators."""

from __future__ import annotations

from ..loop import Loop
from . import build
from .call import SUFFIX
from .delta import delta_backward, delta_forward
from .filters import (
    normalize_backward,
    normalize_forward,
    scan_backward,
    scan_forward,
)
from .fused_layer import fused_layer_backward, fused_layer_forward
from .hippo import hippo_backward, hippo_forward
from .linear_scan import (
    gated_scan_backward,
    gated_scan_forward,
    linear_scan_backward,
    linear_scan_forward,
)
from .recurrence import recurrence_backward, recurrence_forward

__all__ = [
    "delta_backward", "delta_forward", "fused_layer_backward", "fused_layer_forward",
    "gated_scan_backward", "gated_scan_forward", "hippo_backward", "hippo_forward",
    "linear_scan_backward", "linear_scan_forward", "normalize_backward", "normalize_forward",
    "recurrence_backward", "recurrence_forward", "refusal", "scan_backward", "scan_forward",
]  # fmt: skip


def refusal(loop: Loop, traced: bool) -> str | None:
    """Say why these kernels cannot run a loop, or None where they can."""
    if loop.device.type != "cpu":
        return f"compiled for the CPU, not for {loop.device.type}"
    if loop.dtype not in SUFFIX:
        return f"compiled for float32 and float64, not for {loop.dtype}"
    return build.problem()
