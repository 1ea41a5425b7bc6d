"""A whole layer: its arrays in the order of the structs Forward and Backward."""

from __future__ import annotations

from torch import Tensor

from ..layout import (
    InputGradients,
    LayerInputs,
    LayerKept,
    LayerOutputs,
    OutputGradients,
    layer_gradients,
    layer_outputs,
)
from .call import call, outer_strides, some


def fused_layer_forward(inputs: LayerInputs, kind: str, keep: bool) -> LayerOutputs:
    """Input projection, rule and recurrence."""
    outputs = layer_outputs(inputs, kind, keep)
    sizes, work = _sizes(inputs.x, inputs.w_ih, inputs.w_hh)
    call(f"{kind}_forward", sizes, work, *map(some, (*inputs, *outputs)))
    return outputs


def fused_layer_backward(
    grads: OutputGradients, kept: LayerKept, kind: str, wanted: int
) -> InputGradients:
    """Gradients of all inputs that are wanted."""
    grads = grads._replace(grad_h=_in_rows(grads.grad_h))
    found = layer_gradients(grads, kept, wanted)
    sizes, work = _sizes(kept.x, kept.w_ih, kept.w_hh)
    sizes = (*sizes, *outer_strides(grads.grad_h))
    arrays = map(some, (*grads, *kept, *found))
    call(f"{kind}_backward", sizes, work, *arrays, strided=(0,))
    return found


def _sizes(x: Tensor, w_ih: Tensor, w_hh: Tensor) -> tuple[tuple[int, ...], int]:
    """K, T, B, F, H, and how many multiplications there are."""
    K, T, B, F = x.shape
    return (K, T, B, F, w_hh.shape[-1]), T * B * (w_ih.numel() + w_hh.numel())


def _in_rows(grad: Tensor) -> Tensor:
    """Return the gradient with its last axis in one piece; what was spread out stays so.

    Behind a mean over time, or a module with `batch_first`, it lies otherwise than its output, and
    to copy it would take as long as some of the loop.
    """
    if not grad.numel() or grad.stride(-1) == 1:
        return grad
    each = tuple(slice(1) if stride == 0 else slice(None) for stride in grad.stride()[:-1])
    return grad[each].contiguous().expand_as(grad)
