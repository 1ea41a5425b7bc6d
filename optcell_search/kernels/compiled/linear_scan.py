"""Linear recurrences of channels of their own, and those of minGRU and minLSTM."""

from __future__ import annotations

import torch
from torch import Tensor

from .call import call

_FORMS = {2: "linear_real", 3: "linear_complex", 6: "linear_matrix"}


def linear_scan_forward(coefficients: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """A linear recurrence of one of the three forms."""
    K, T, B = x.shape[:3]
    v = x.new_empty(K, T, B, *initial.shape[2:])
    _linear("forward", coefficients, x, (initial, v))
    return v


def linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the coefficients, x and initial."""
    K, _, B = x.shape[:3]
    steps = coefficients.shape[1]
    by_row = coefficients.new_empty(K, steps, B, *coefficients.shape[3:])
    dx, d_initial = x.new_empty(x.shape), torch.empty_like(initial)
    _linear("backward", coefficients, x, (v, initial, by_row, dx, d_initial), grad)
    return by_row.sum_to_size(coefficients.shape), dx, d_initial


def _linear(
    way: str, coefficients: Tensor, x: Tensor, others: tuple[Tensor, ...], *first: Tensor
) -> None:
    x, row = _in_even_rows(x)
    varies, own = (size > 1 for size in coefficients.shape[1:3])
    K, T, B, _, N = x.shape
    call(
        f"{_FORMS[coefficients.shape[-2]]}_{way}",
        (K, T, B, N, varies, own, row),
        x.numel(),
        *first,
        coefficients,
        x,
        *others,
        strided=len(first) + 1,
    )


def _in_even_rows(x: Tensor) -> tuple[Tensor, int]:
    """Return x (K, T, B, ...) with its rows evenly spread, and how far they are apart.

    A share of a wider tensor's channels is such already.
    """
    K, T, B = x.shape[:3]
    row = x.stride(2)
    even = (T * B * row if K > 1 else x.stride(0), B * row, row)
    dense = x[0, 0, 0].is_contiguous() and row >= x[0, 0, 0].numel()
    if not (dense and x.stride()[:3] == even):
        x = x.contiguous()
    return x, x.stride(2)


def gated_scan_forward(x: Tensor, initial: Tensor, kind: str) -> Tensor:
    """minGRU or minLSTM from its pre-activations."""
    x, row = _in_even_rows(x)
    K, T, B, _ = x.shape
    v = x.new_empty(K, T, B, initial.shape[-1])
    sizes = (K, T, B, initial.shape[-1], 0, 0, row)
    call(f"{kind}_forward", sizes, x.numel(), None, x, initial, v, strided=1)
    return v


def gated_scan_backward(
    grad: Tensor, x: Tensor, v: Tensor, initial: Tensor, kind: str
) -> tuple[Tensor, Tensor]:
    """Gradients of x and initial."""
    x, row = _in_even_rows(x)
    K, T, B, N = v.shape
    dx, d_initial = x.new_empty(x.shape), torch.empty_like(initial)
    arrays = (grad, None, x, v, initial, None, dx, d_initial)
    call(f"{kind}_backward", (K, T, B, N, 0, 0, row), x.numel(), *arrays, strided=2)
    return dx, d_initial
