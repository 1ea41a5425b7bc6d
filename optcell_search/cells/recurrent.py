"""What code around torch's recurrent modules expects of one, beside the forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """A module with the manners of `torch.nn.RNNBase`.

    A subclass holds its weights layer by layer, as parameters called ``..._l0``,
    ``..._l0_reverse``, ``..._l1`` and so on, whose endings are listed in `_suffixes`.
    """

    _suffixes: list[str]

    def flatten_parameters(self) -> None:
        """Do nothing: no kernel here asks for weights in one piece of memory."""

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters of each layer and direction, in the order of `named_parameters`."""
        own = dict(self.named_parameters(recurse=False))
        return [
            [weight for name, weight in own.items() if name.endswith(suffix)]
            for suffix in self._suffixes
        ]

    @property
    def qconfig(self) -> Any:
        """How torch is to quantise the module: not at all, so there is none."""
        raise AttributeError("qconfig")

    @qconfig.setter
    def qconfig(self, config: Any) -> None:
        # torch.ao.quantization sets this on every module, to None on those it is to leave.
        kind = type(self).__name__
        if config is not None:
            raise ValueError(
                f"{kind} cannot be quantised; valid: quantisation of other modules beside it, such "
                "as quantize_dynamic(model, {torch.nn.Linear})"
            )
        warnings.warn(f"{kind} is not quantised, it stays in its dtype", stacklevel=2)


def check_arguments(
    sizes: Mapping[str, Any], switches: Mapping[str, Any], dropout: Any, refused: Mapping[str, Any]
) -> None:
    """Check the arguments that are those of torch's recurrent modules.

    Args:
        sizes: whole numbers from 1 on; `num_layers` is one of them.
        switches: True or False.
        dropout: a probability.
        refused: `proj_size` and `nonlinearity`, which are not offered.

    Raises:
        ValueError: by name and value, what is wrong and what is valid.
    """
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise ValueError(f"{name} should be of type int, got: {type(size).__name__}")
        if size < 1:
            raise ValueError(f"{name} must be greater than zero; {name} = {size}; valid: 1 or more")
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise ValueError(
                f"{name} should be of type bool, got: {type(switch).__name__}; {name} = {switch!r}"
                + (_RNN if isinstance(switch, str) and name == "bias" else "")
            )
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout = {dropout!r} is out of range; valid: 0 <= dropout <= 1")
    if refused["proj_size"]:
        raise ValueError(
            f"proj_size = {refused['proj_size']!r} is not offered; valid: 0, and a linear layer "
            "behind the module"
        )
    if refused["nonlinearity"] is not None:
        raise ValueError(f"nonlinearity = {refused['nonlinearity']!r} is not an argument{_RNN}")
    if dropout and sizes["num_layers"] == 1:
        warnings.warn(
            "dropout acts between layers, so it does nothing where num_layers = 1", stacklevel=3
        )


def check_dtype(dtype: torch.dtype | None) -> None:
    """Refuse a dtype of parameters that is none of floating-point numbers."""
    if dtype is not None and not dtype.is_floating_point:
        valid = "torch.float32, torch.float64, torch.bfloat16, torch.float16"
        raise ValueError(f"dtype = {dtype}; valid: {valid}")


def check_plain(data: Tensor) -> None:
    """Refuse a tensor of whose sizes and numbers nothing can be asked."""
    if data.is_nested or data.is_quantized:
        kind = "nested" if data.is_nested else "quantized"
        raise ValueError(
            f"input is a {kind} tensor; valid: a plain one, or a PackedSequence for sequences of "
            "several lengths"
        )


_RNN = '; for the nonlinearity of nn.RNN take cell=cells.RNN(nonlinearity="relu")'
