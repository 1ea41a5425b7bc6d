"""Linear recurrences of channels of their own, and those of minGRU and minLSTM."""

from __future__ import annotations

import torch
from torch import Tensor

from .call import call


def linear_scan_forward(coefficients: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """A linear recurrence of one of the three forms."""
    v = x.new_empty(*x.shape[:3], *initial.shape[2:])
    x, sizes = _sizes(coefficients, x)
    arrays = (coefficients, x, initial, v)
    call(f"{_form(coefficients)}_forward", sizes, x.numel(), *arrays, strided=(1,))
    return v


def linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor, dx: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the coefficients and initial; that of x goes to dx.

    The rows of dx are even, and dx may be grad, if that has as many planes as x.
    """
    x, sizes = _sizes(coefficients, x)
    grad, grad_row = _in_even_rows(grad)
    by_row = coefficients.new_empty(*coefficients.shape[:2], *x.shape[2:3], *coefficients.shape[3:])
    d_initial = torch.empty_like(initial)
    arrays = (grad, coefficients, x, v, initial, by_row, dx, d_initial)
    sizes = (*sizes, _in_even_rows(dx)[1], grad_row, grad.shape[-2])
    call(f"{_form(coefficients)}_backward", sizes, x.numel(), *arrays, strided=(0, 2, 6))
    return by_row.sum_to_size(coefficients.shape), d_initial


def _form(coefficients: Tensor) -> str:
    return {2: "linear_real", 3: "linear_complex", 6: "linear_matrix"}[coefficients.shape[-2]]


def _sizes(coefficients: Tensor, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Return x in even rows, and the sizes that both passes begin with."""
    x, row = _in_even_rows(x)
    K, T, B, _, N = x.shape
    varies, own = (size > 1 for size in coefficients.shape[1:3])
    return x, (K, T, B, N, varies, own, row)


def _in_even_rows(x: Tensor) -> tuple[Tensor, int]:
    """Return x (K, T, B, ...) with its rows evenly spread, and how far they are apart.

    A share of a wider tensor's channels is such already. The stride of a dimension of size 1 says
    nothing: it may be any number, also in a tensor that torch calls contiguous.
    """
    _, T, B = x.shape[:3]
    steps = [
        (stride, rows)
        for size, stride, rows in zip(x.shape, x.stride(), (T * B, B, 1), strict=False)
        if size > 1
    ]
    width = x[0, 0, 0].numel()
    row = steps[-1][0] if steps else width
    even = row >= width and all(stride == rows * row for stride, rows in steps)
    if not (even and x[0, 0, 0].is_contiguous()):
        return x.contiguous(), width
    return x, row


def gated_scan_forward(x: Tensor, initial: Tensor, kind: str) -> Tensor:
    """minGRU or minLSTM from its pre-activations."""
    x, row = _in_even_rows(x)
    K, T, B, _ = x.shape
    v = x.new_empty(K, T, B, initial.shape[-1])
    sizes = (K, T, B, initial.shape[-1], 0, 0, row)
    call(f"{kind}_forward", sizes, x.numel(), None, x, initial, v, strided=(1,))
    return v


def gated_scan_backward(
    grad: Tensor, x: Tensor, v: Tensor, initial: Tensor, kind: str
) -> tuple[Tensor, Tensor]:
    """Gradients of x and initial."""
    x, row = _in_even_rows(x)
    K, T, B, N = v.shape
    dx, d_initial = x.new_empty(x.shape), torch.empty_like(initial)
    arrays = (grad, None, x, v, initial, None, dx, d_initial)
    sizes = (K, T, B, N, 0, 0, row, x.shape[-1], N, 1)
    call(f"{kind}_backward", sizes, x.numel(), *arrays, strided=(2,))
    return dx, d_initial
