"""Linear recurrences of first order, each channel with coefficients that may change in time.

One scan for three forms, told apart by how many planes of coefficients there are:

    planes  form     recurrence                                          state  input
    2       real     v_t = a_t v_{t-1} + f_t b_t                           1      1
    3       complex  v_t = (re_t + i im_t) v_{t-1} + f_t b_t               2      2   (re, im)
    6       matrix   v_t = [[m11, m12], [m21, m22]]_t v_{t-1} + (f1, f2)_t b_t
                                                                           2      1
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Float
from .. import reference
from ..backends import loop_of, pick
from ..loop import Loop
from ..operators import Tensors, differentiable, operator
from ..precision import wide
from .checks import check_linear_scan, check_linear_scan_backward


def _forward(coefficients: Tensor, x: Tensor, initial: Tensor, backend: str) -> Tensor:
    loop = loop_of(backend, "linear_scan_forward")
    return loop(coefficients, x, initial)  # type: ignore[no-any-return]


def _backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor, backend: str
) -> Tensors:
    dx = x.new_empty(x.shape)
    loop = loop_of(backend, "linear_scan_backward")
    by_coefficients, by_initial = loop(grad, coefficients, x, v, initial, dx)
    return by_coefficients, dx, by_initial


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    coefficients, x, v, initial = tensors
    grad = torch.zeros_like(v) if grads[0] is None else grads[0]
    return *backward(grad, coefficients, x, v, initial, *values), None


_scan = differentiable(
    operator(
        "linear_scan",
        "(Tensor coefficients, Tensor x, Tensor initial, str backend) -> Tensor",
        _forward,
        lambda coefficients, x, initial, backend: initial.new_empty(
            *x.shape[:3], *initial.shape[2:]
        ),
        check_linear_scan,
        main=1,
        strided=1,
    ),
    operator(
        "linear_scan_backward",
        "(Tensor grad, Tensor coefficients, Tensor x, Tensor v, Tensor initial, str backend)"
        " -> (Tensor, Tensor, Tensor)",
        _backward,
        lambda grad, coefficients, x, v, initial, backend: tuple(
            map(torch.empty_like, (coefficients, x, initial))
        ),
        check_linear_scan_backward,
        main=2,
        strided=2,
    ),
    lambda inputs, v: ((inputs[0], inputs[1], v, inputs[2]), inputs[3:]),
    _gradients,
)


def linear_scan(
    coefficients: Float[Tensor, "time_or_1 batch_or_1 planes channels"],
    x: Float[Tensor, "time batch inputs channels"],
    initial: Float[Tensor, "batch states channels"],
) -> Float[Tensor, "time batch states channels"]:
    """Run a linear recurrence of one of the three forms and return every v_t.

    Args:
        coefficients: (T or 1, B or 1, 2, 3 or 6, N), see the head of this file; in single precision
            at least.
        x: (T, B, 1 or 2, N), the inputs b.
        initial: (B, 1 or 2, N), the state before the first step.

    States are in single precision at least, whatever the inputs are.
    """
    initial = initial.to(wide(initial.dtype))
    choice = pick(Loop.like("linear_scan", x))
    if choice == "reference":
        return reference.linear_scan(coefficients, x, initial)
    steps, batch = coefficients.shape[:2]
    if (
        steps > 1 and batch == 1
    ):  # a kernel knows coefficients of each step and sequence, or of none
        coefficients = coefficients.expand(-1, x.shape[1], -1, -1)
    parts = (part.unsqueeze(0) for part in (coefficients, x, initial))
    return _scan(*parts, choice).squeeze(0)  # type: ignore[no-any-return]
