"""The recurrence of the gated cells over u: a fused layer without input weights and rule."""

from __future__ import annotations

import torch
from torch import Tensor

from ..layout import (
    InputGradients,
    LayerInputs,
    LayerKept,
    LayerOutputs,
    OutputGradients,
    recurrence_outputs,
)
from .call import call, outer_strides, some

# The order of the structs Forward and Backward.
_FORWARD = (*LayerInputs._fields, *LayerOutputs._fields)
_BACKWARD = (*OutputGradients._fields, *LayerKept._fields, *InputGradients._fields)


def recurrence_forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """h, c and what the backward pass needs of each step."""
    K, T, B, W = u.shape
    H = h0.shape[-1]
    outputs = recurrence_outputs(h0, T, kind, keep)
    arrays = {"x": u, "w_hh": weight, "b_hh": bias, "h0": h0, "c0": c0}
    arrays |= zip(("h", "c", "saved"), outputs, strict=True)
    call(f"{kind}_forward", (K, T, B, W, H), u.numel() * H, *_in_order(_FORWARD, arrays))
    return outputs


def recurrence_backward(
    grad_h: Tensor, grad_c: Tensor, weight: Tensor, h0: Tensor, c0: Tensor, h: Tensor, c: Tensor,
    saved: Tensor, kind: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, of the weights and the bias, of h0 and of c0."""
    K, T, B, H = h.shape
    W = weight.shape[1]
    du, d_bias = h.new_empty(K, T, B, W), weight.new_empty(K, W)
    d_weight, dh0, dc0 = map(torch.empty_like, (weight, h0, c0))
    arrays = {"grad_h": grad_h, "grad_c": grad_c, "w_hh": weight, "h0": h0, "c0": c0, "h": h}
    arrays |= {"c": c, "saved": saved, "dx": du, "dw_hh": d_weight, "db_hh": d_bias}
    arrays |= {"dh0": dh0, "dc0": dc0}
    sizes = (K, T, B, W, H, *outer_strides(grad_h))
    call(f"{kind}_backward", sizes, du.numel() * H, *_in_order(_BACKWARD, arrays))
    return du, d_weight, d_bias, dh0, dc0


def _in_order(names: tuple[str, ...], arrays: dict[str, Tensor]) -> list[Tensor | None]:
    return [some(arrays[name]) if name in arrays else None for name in names]
