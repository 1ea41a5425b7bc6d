"""Calls a function of the C++ library through ctypes."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from . import build

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
# Below so many multiplications a second thread costs more than it brings.
_SERIAL = 1 << 16


@functools.cache
def _kernel(name: str, dtype: torch.dtype) -> Any:
    """Return a function of the library: its sizes, its arrays, the number of threads."""
    function = getattr(build.library(), f"{name}_{SUFFIX[dtype]}")
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long)
    function.restype = None
    return function


def call(
    name: str,
    sizes: tuple[int, ...],
    work: int,
    *tensors: Tensor | None,
    strided: tuple[int, ...] = (),
) -> None:
    """Call a kernel with its arrays in the order of its struct, some of which may have strides."""
    dtype = next(t.dtype for t in tensors if t is not None and t.dtype in SUFFIX)
    threads = torch.get_num_threads() if work > _SERIAL else 1
    arrays = [
        None if tensor is None else _address(name, tensor, place in strided)
        for place, tensor in enumerate(tensors)
    ]
    _kernel(name, dtype)(
        (ctypes.c_long * len(sizes))(*sizes), (ctypes.c_void_p * len(arrays))(*arrays), threads
    )


def _address(name: str, tensor: Tensor, strided: bool) -> int:
    address = tensor.data_ptr()
    # A storage may have been taken away under its tensor; one without elements has no address.
    if (tensor.numel() and not address) or not (strided or tensor.is_contiguous()):
        raise ValueError(
            f"{name}: a tensor of size {tuple(tensor.shape)} and strides {tensor.stride()} at "
            f"address {address}; valid: contiguous, in memory"
        )
    return address


def some(tensor: Tensor) -> Tensor | None:
    """Return a tensor, or None where it is empty: a null pointer for what there is not."""
    return tensor if tensor.numel() else None


def outer_strides(grad: Tensor) -> tuple[int, ...]:
    """Strides of candidates, steps and sequences."""
    return grad.stride()[:-1] if grad.numel() else (0, 0, 0)
