"""The loops in C++ for the CPU, called through ctypes. Shapes are those of the operators."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from . import build
from .normalize import marks_like
from .recurrence import outputs_like

_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
# Below so many multiplications a second thread costs more than it brings.
_SERIAL = 1 << 16


def refusal(device: torch.device, dtype: torch.dtype) -> str | None:
    """Say why these kernels cannot run, or None where they can."""
    if device.type != "cpu":
        return f"compiled for the CPU, not for {device.type}"
    if dtype not in _SUFFIX:
        return f"compiled for float32 and float64, not for {dtype}"
    return build.problem()


def _call(name: str, shape: tuple[int, ...], work: int, *tensors: Tensor | None) -> None:
    """Call a kernel: the four sizes, the arrays, the number of threads."""
    dtype = next(t.dtype for t in tensors if t is not None and t.dtype in _SUFFIX)
    threads = torch.get_num_threads() if work > _SERIAL else 1
    pointers: list[Any] = []
    for tensor in tensors:
        assert tensor is None or (
            tensor.is_contiguous() and tensor.dtype in (dtype, torch.int64)
        ), f"{name}: a tensor of {tensor.dtype} among {dtype}"
        pointers.append(ctypes.c_void_p(tensor.data_ptr() if tensor is not None else None))
    getattr(build.library(), f"{name}_{_SUFFIX[dtype]}")(
        (ctypes.c_long * 4)(*shape), *pointers, ctypes.c_long(threads)
    )


def _some(tensor: Tensor) -> Tensor | None:
    return tensor if tensor.numel() else None


def _columns(x: Tensor, decay: Tensor) -> tuple[int, ...]:
    """K, T, sequences with a decay of their own, channels of each."""
    K, T, B, D = x.shape
    return (K, T, 1, B * D) if decay.shape[-1] == 1 else (K, T, B, D)


def scan_forward(decay: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """v_t = decay_t v_{t-1} + x_t."""
    v = torch.empty_like(x)
    _call("scan_forward", _columns(x, decay), x.numel(), decay, x, initial, v)
    return v


def scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of decay, x and initial."""
    grads = (torch.empty_like(decay), torch.empty_like(v), torch.empty_like(initial))
    shape = _columns(v, decay)
    _call("scan_backward", shape, v.numel(), grad, decay, v, initial, *grads)
    return grads


def normalize_forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, both traces after the last step, and what the backward pass starts from."""
    marks = marks_like(z, "compiled", keep)
    u, v, m = torch.empty_like(z), torch.empty_like(v0), torch.empty_like(m0)
    inputs = (z, p, v0, m0, lengths)
    _call("normalize_forward", tuple(z.shape), z.numel(), *inputs, u, v, m, _some(marks))
    return u, v, m, marks


def normalize_backward(
    grad_u: Tensor,
    grad_v: Tensor,
    grad_m: Tensor,
    z: Tensor,
    p: Tensor,
    lengths: Tensor,
    marks: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of z, p and both initial traces."""
    grads = tuple(map(torch.empty_like, (z, p, grad_v, grad_m)))
    inputs = (grad_u, grad_v, grad_m, z, p, lengths, marks)
    _call("normalize_backward", tuple(z.shape), z.numel(), *inputs, *grads)
    return grads  # type: ignore[return-value]


def recurrence_forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """h, c and what the backward pass needs of each step."""
    K, T, B, _ = u.shape
    H = h0.shape[-1]
    h, c, saved = outputs_like(h0, T, kind, keep)
    inputs = (u, weight, bias, h0, _some(c0))
    _call(f"{kind}_forward", (K, T, B, H), u.numel() * H, *inputs, h, _some(c), _some(saved))
    return h, c, saved


def recurrence_backward(
    grad_h: Tensor,
    grad_c: Tensor,
    weight: Tensor,
    h0: Tensor,
    c0: Tensor,
    h: Tensor,
    c: Tensor,
    saved: Tensor,
    kind: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of u, of the recurrent part of n (GRU), of h0 and of c0."""
    K, T, B, H = h.shape
    du = h.new_empty(K, T, B, weight.shape[1])
    dn = torch.empty_like(h) if kind == "gru" else h.new_empty(K, 0)
    dh0, dc0 = torch.empty_like(h0), torch.empty_like(c0)
    some = (_some(part) for part in (c0, h, c, saved, grad_h, grad_c))
    outputs = (du, _some(dn), dh0, _some(dc0))
    _call(f"{kind}_backward", (K, T, B, H), du.numel() * H, weight, h0, *some, *outputs)
    return du, dn, dh0, dc0
