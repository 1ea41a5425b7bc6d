"""The loops as Triton kernels for the GPU. Shapes are those of the operators."""

from __future__ import annotations

import importlib.util
import os

import torch

# Widest hidden state whose recurrent weights fit on one multiprocessor.
WIDEST = {torch.float32: 128, torch.bfloat16: 256}


def refusal(kind: str, device: torch.device, dtype: torch.dtype, hidden_size: int) -> str | None:
    """Say why these kernels cannot run, or None where they can."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    # Triton's interpreter runs the same kernels on the CPU, for tests.
    if device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"written for a CUDA device, not for {device.type}"
    return _narrow(kind, dtype, hidden_size)


def _narrow(kind: str, dtype: torch.dtype, hidden_size: int) -> str | None:
    if dtype == torch.float64 and os.environ.get("TRITON_INTERPRET") != "1":
        return "written for float32 and bfloat16, not for torch.float64"
    widest = WIDEST.get(dtype, 128)
    if hidden_size > widest:
        return f"hidden size {hidden_size} > {widest}: the weights do not fit on chip"
    return None
