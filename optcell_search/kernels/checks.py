"""What stands between a tensor and memory.

C++ and Triton take addresses and trust the sizes that come with them. So before a loop runs, each
of its tensors is held against the shape, dtype and device that the loop reads it as. A backward
pass starts from tensors that nobody else holds, those checked before and views of them; only what
flows into it comes from outside.

Legend: K candidates, T steps, B sequences, F features, W = G H pre-activations, H hidden width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .layout import GATES, LayerInputs, LayerKept, OutputGradients
from .precision import wide

Shape = tuple[int, ...]
_WHOLE = {"lengths": torch.int64}


def check(
    loop: str,
    like: Tensor,
    names: tuple[str, ...],
    tensors: tuple[Tensor, ...],
    shapes: tuple[Shape, ...],
    dtypes: Mapping[str, torch.dtype] = _WHOLE,
) -> None:
    """Make sure that the tensors of a loop are what it reads them as.

    Args:
        loop: its name.
        like: a tensor of the device of all, and of the dtype of those not in `dtypes`.
        names: of the tensors.
        tensors: in the order of their names.
        shapes: what each is read as.
        dtypes: of those whose dtype is their own.

    Raises:
        ValueError: one is of another shape, dtype or device.
    """
    own, device = like.dtype, like.device
    for name, tensor, shape in zip(names, tensors, shapes, strict=True):
        dtype = dtypes.get(name, own)
        if tensor.shape != shape or tensor.dtype != dtype or tensor.device != device:
            raise ValueError(
                f"{loop}: Expected {name} of size {shape}, {dtype}, on {device}, "
                f"got {tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}"
            )


def check_scan(decay: Tensor, x: Tensor, initial: Tensor, backend: str) -> None:
    """Check the inputs of a scan."""
    K, T, B, D = x.shape
    rows = 1 if decay.shape[-1:] == (1,) else B
    # Factors of half-precision inputs may be wider than these.
    dtypes = {"decay": wide(x.dtype)} if decay.dtype != x.dtype else {}
    shapes = (K, T, rows), (K, T, B, D), (K, B, D)
    check("scan", x, ("decay", "x", "initial"), (decay, x, initial), shapes, dtypes)


def check_scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor, backend: str
) -> None:
    """Check what flows back into a scan."""
    check("scan backward", v, ("grad",), (grad,), (v.shape,))


def check_normalize(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool, backend: str
) -> None:
    """Check the inputs of Adam's filter."""
    K, T, B, W = z.shape
    shapes = (K, T, B, W), (K, 4), (K, B, W), (K, B, W), (K, B)
    names = "z", "p", "v0", "m0", "lengths"
    dtypes = {**_WHOLE, "p": wide(z.dtype)}
    check("normalize", z, names, (z, p, v0, m0, lengths), shapes, dtypes)


def check_normalize_backward(
    grad_u: Tensor, grad_v: Tensor, grad_m: Tensor, z: Tensor, p: Tensor, lengths: Tensor,
    marks: Tensor, backend: str,
) -> None:  # fmt: skip
    """Check what flows back into Adam's filter."""
    K, _, B, W = z.shape
    names, shapes = ("grad_u", "grad_v", "grad_m"), (z.shape, (K, B, W), (K, B, W))
    check("normalize backward", z, names, (grad_u, grad_v, grad_m), shapes)


def check_recurrence(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool,
    backend: str,
) -> None:  # fmt: skip
    """Check the inputs of a recurrence."""
    K, T, B, _ = u.shape
    H = h0.shape[-1]
    W = GATES[kind] * H
    memory = (K, B, H) if kind == "lstm" else (K, 0)
    shapes = (K, T, B, W), (K, W, H), (K, W), (K, B, H), memory
    check(kind, u, ("u", "w_hh", "b_hh", "h0", "c0"), (u, weight, bias, h0, c0), shapes)


def check_recurrence_backward(
    grad_h: Tensor, grad_c: Tensor, weight: Tensor, h0: Tensor, c0: Tensor, h: Tensor, c: Tensor,
    saved: Tensor, kind: str, backend: str,
) -> None:  # fmt: skip
    """Check what flows back into a recurrence."""
    _check_arriving(f"{kind} backward", h, grad_h, grad_c)


def _check_arriving(loop: str, h: Tensor, grad_h: Tensor, grad_c: Tensor) -> None:
    none = (len(h), 0)
    shapes = h.shape if grad_h.numel() else none, h.shape if grad_c.numel() else none
    check(loop, h, ("grad_h", "grad_c"), (grad_h, grad_c), shapes)


def check_layer(inputs: LayerInputs, kind: str) -> None:
    """Check the inputs of a fused layer."""
    K, T, B, F = inputs.x.shape
    H = inputs.h0.shape[-1]
    W, none = GATES[kind] * H, (K, 0)
    adam, bias = inputs.p.numel() > 0, inputs.b_ih.numel() > 0
    # Adam filters the pre-activations, a linear rule the input and the 1 that b_ih is taken by.
    trace = (K, B, W if adam else F + bias) if adam or inputs.v0.numel() else none
    weights = (K, W, F), (K, W) if bias else none, (K, W, H), (K, W)
    hidden = (K, B, H), (K, B, H) if kind == "lstm" else none
    rule = (K, 4) if adam else none, trace, trace if adam else none
    shapes = (K, T, B, F), *weights, *hidden, *rule, (K, B), none if adam else (K, T, B, 4)
    check(kind, inputs.x, LayerInputs._fields, inputs, shapes)


def check_layer_backward(grads: OutputGradients, kept: LayerKept, kind: str) -> None:
    """Check what flows back into a fused layer."""
    loop, (K, _, B, F), bias = f"{kind} backward", kept.x.shape, kept.b_ih.numel() > 0
    _check_arriving(loop, kept.h, grads.grad_h, grads.grad_c)
    adam, none = kept.p.numel() > 0, (K, 0)
    trace = (K, B, kept.w_ih.shape[1] if adam else F + bias)
    shapes = trace if adam or grads.grad_v.numel() else none, trace if adam else none
    check(loop, kept.h, ("grad_v", "grad_m"), (grads.grad_v, grads.grad_m), shapes)
