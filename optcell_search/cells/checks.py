"""Whether an input and a layer's weights fit each other, in torch's own words where they do not."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .base import Weights

Shapes = Mapping[str, tuple[int, ...]]


def check_layer(
    x: Tensor, weights: Weights, shapes: Shapes, fixed: Shapes, values: Mapping[str, Tensor]
) -> None:
    """Make sure that a layer can run over an input with these weights.

    Parameters are replaced, moved, cast and loaded one by one by many hands, so what a layer was
    built with says nothing about what it holds now.

    Args:
        x: (T, B, features).
        weights: parameters and what is fixed, by name.
        shapes: those of the parameters for so many features, by name.
        fixed: those of what is fixed, whose dtype is its own but for the input projection's.
        values: of the rule's hyperparameters, by name.

    Raises:
        ValueError: they are of different dtypes or devices, or one is of another shape or not
            strided.
    """
    if x.dim() != 3:
        raise ValueError(f"input must have 3 dimensions, got {x.dim()}")
    check_weights(x, weights, shapes, fixed, values)


def check_weights(
    x: Tensor, weights: Weights, shapes: Shapes, fixed: Shapes, values: Mapping[str, Tensor]
) -> None:
    """Do what `check_layer` does, for an input of any number of dimensions."""
    # jit.trace takes a size for a tensor, and what it records goes through torch's own operators.
    sized = not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    dtype, device = x.dtype, x.device
    for name, shape in (*shapes.items(), *fixed.items()):
        weight = weights[name]
        if weight.device != device:
            raise ValueError(
                "Input and parameter tensors are not at the same device, found input tensor at "
                f"{device} and parameter tensor {name} at {weight.device}"
            )
        if weight.dtype != dtype and (name in shapes or name == "weight_ih"):
            raise ValueError(
                f"RNN input dtype ({dtype}) does not match weight dtype ({weight.dtype}) of "
                f"{name}. Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({dtype})"
            )
        if sized and weight.shape != shape:
            raise ValueError(_wrong_size(name, weight, shape, x))
    for name, value in values.items():
        if value.device != device:
            raise ValueError(
                "Input and rule's values are not at the same device, found input tensor at "
                f"{device} and {name} at {value.device}"
            )
        if value.is_complex():
            raise ValueError(f"{name} of {value.dtype}; valid: a real number")
    for name, tensor in (("input", x), *weights.items()):
        if tensor.layout != torch.strided:
            raise ValueError(f"{name} of layout {tensor.layout}; valid: {torch.strided}")


def check_packing(data: Tensor, batch_sizes: Tensor) -> None:
    """Make sure that a PackedSequence holds as many rows as its sequences have steps.

    Raises:
        ValueError: it holds more or fewer, as one made by hand may.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return
    if int(batch_sizes.sum()) != len(data):
        raise ValueError(
            f"PackedSequence of {len(data)} rows, batch_sizes {batch_sizes.tolist()} add up to "
            f"{int(batch_sizes.sum())}; valid: what pack_padded_sequence makes"
        )


def _wrong_size(name: str, weight: Tensor, shape: tuple[int, ...], x: Tensor) -> str:
    if name == "weight_ih" and weight.shape[:-1] == shape[:-1]:
        return (
            "input.size(-1) must be equal to input_size. "
            f"Expected {weight.shape[-1]}, got {x.shape[-1]}"
        )
    return f"Expected {name} size {shape}, got {tuple(weight.shape)}"
