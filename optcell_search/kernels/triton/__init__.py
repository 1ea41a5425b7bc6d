"""The loops as Triton kernels for the GPU. Shapes are those of the operators."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import torch

from ..loop import NO_HIPPO, Loop

# Widest hidden state: each program holds the states of some sequences, all gates of them.
WIDEST = 256
# Shared memory of a multiprocessor that the kernels ask for where a hidden state has up to so many
# bytes: that of one piece of the weights, a few of which are under way.
SHARED = {512: 67_584, 1024: 133_120}

_FILES = {
    f"{loop}_{way}": loop
    for loop in ("scan", "linear_scan", "delta", "normalize", "recurrence")
    for way in ("forward", "backward")
}


def refusal(loop: Loop, traced: bool) -> str | None:
    """Say why these kernels cannot run a loop, or None where they can."""
    device, dtype, hidden_size = loop.device, loop.dtype, loop.hidden_size
    if loop.kind == "hippo":
        return NO_HIPPO
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    # Triton's interpreter runs the same kernels on the CPU, for tests.
    if device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"written for a CUDA device, not for {device.type}"
    if dtype not in (torch.float32, torch.bfloat16):
        return f"written for float32 and bfloat16, not for {dtype}"
    if hidden_size > WIDEST:
        return f"written for hidden sizes up to {WIDEST}, not for {hidden_size}"
    # Where there is a tensor on a GPU, CUDA is initialised.
    if hidden_size and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        properties = torch.cuda.get_device_properties(device)
        # 48 KiB is what every GPU has, and all that AMD's tell.
        shared = getattr(properties, "shared_memory_per_block_optin", 48 << 10)
        asked = SHARED[512 if hidden_size * dtype.itemsize <= 512 else 1024]
        if shared < asked:
            return f"written for {asked >> 10} KiB of shared memory, the GPU has {shared >> 10}"
    return None


def __getattr__(name: str) -> Any:
    """Return a loop; importing its file imports Triton, so not before it is asked for."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
