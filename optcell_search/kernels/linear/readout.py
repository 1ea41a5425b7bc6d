"""A linear scan together with what is read of its states, and a path past them.

    v as in `linear_scan` from b,  h_t = W r(v_t) + s_t,  u = [b, s]

r(v) is as many planes of the state as an input has, the last ones: both of a complex number, the
second of a matrix's. In parts, torch would write zeros for the planes that nobody reads and put the
gradients of b and s together again, each a pass over memory as long as the scan's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Float
from .. import reference
from ..backends import loop_of, pick
from ..layout import FORMS
from ..loop import Loop
from ..operators import Tensors, differentiable, operator
from ..precision import wide
from .checks import check_linear_readout, check_linear_readout_backward


def _parts(u: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """Return b (..., inputs, N) and s (..., H), views of u."""
    planes, channels = coefficients.shape[-2:]
    inputs = FORMS[planes][0]
    b, s = u.tensor_split([inputs * channels], -1)
    return b.view(*b.shape[:-1], inputs, channels), s


def _read(v: Tensor, b: Tensor) -> Tensor:
    """Return r(v), (..., inputs N), in the dtype of b."""
    return v[..., -b.shape[-2] :, :].flatten(-2).to(b.dtype)


def _forward(
    coefficients: Tensor, u: Tensor, initial: Tensor, weight: Tensor, backend: str
) -> Tensors:
    b, s = _parts(u, coefficients)
    v = loop_of(backend, "linear_scan_forward")(coefficients, b, initial)
    h = torch.baddbmm(s.flatten(1, 2), _read(v, b).flatten(1, 2), weight.mT)
    return h.view(*u.shape[:3], -1), v


def _backward(
    grad_h: Tensor, grad_v: Tensor, coefficients: Tensor, u: Tensor, v: Tensor, initial: Tensor,
    weight: Tensor, backend: str,
) -> Tensors:  # fmt: skip
    b, _ = _parts(u, coefficients)
    rows, du = grad_h.flatten(1, 2), u.new_empty(u.shape)
    by_weight = torch.bmm(rows.mT, _read(v, b).flatten(1, 2))
    db, ds = _parts(du, coefficients)
    # What flows back into the states that are read lies where the scan then puts the gradient of b.
    with torch.no_grad():  # under torch.func what comes in may want gradients of its own
        torch.bmm(rows, weight, out=db.flatten(-2).flatten(1, 2))
    by_v = db
    if grad_v.numel():
        by_v = grad_v.clone()
        by_v[..., -b.shape[-2] :, :] += db
    loop = loop_of(backend, "linear_scan_backward")
    by_coefficients, by_initial = loop(by_v, coefficients, b, v, initial, db)
    ds.copy_(grad_h)
    return by_coefficients, du, by_initial, by_weight


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    coefficients, u, v, initial, weight = tensors
    shape = (*u.shape[:3], weight.shape[-2])
    grad_h = u.new_zeros(shape) if grads[0] is None else grads[0]
    grad_v = v.new_empty(len(v), 0) if grads[1] is None else grads[1]
    return *backward(grad_h, grad_v, coefficients, u, v, initial, weight, *values), None


_readout = differentiable(
    operator(
        "linear_readout",
        "(Tensor coefficients, Tensor u, Tensor initial, Tensor weight, str backend)"
        " -> (Tensor, Tensor)",
        _forward,
        lambda coefficients, u, initial, weight, backend: (
            u.new_empty(*u.shape[:3], weight.shape[-2]),
            initial.new_empty(*u.shape[:3], *initial.shape[2:]),
        ),
        check_linear_readout,
        main=1,
        strided=1,
    ),
    operator(
        "linear_readout_backward",
        "(Tensor grad_h, Tensor grad_v, Tensor coefficients, Tensor u, Tensor v, Tensor initial,"
        " Tensor weight, str backend) -> (Tensor, Tensor, Tensor, Tensor)",
        _backward,
        lambda grad_h, grad_v, coefficients, u, v, initial, weight, backend: tuple(
            part.new_empty(part.shape) for part in (coefficients, u, initial, weight)
        ),
        check_linear_readout_backward,
        main=3,
        strided=3,
    ),
    lambda inputs, outputs: ((*inputs[:2], outputs[1], *inputs[2:4]), inputs[4:]),
    _gradients,
)


def linear_readout(
    coefficients: Float[Tensor, "1 batch_or_1 planes channels"],
    u: Float[Tensor, "time batch width"],
    initial: Float[Tensor, "batch states channels"],
    weight: Float[Tensor, "hidden read"],
) -> tuple[Float[Tensor, "time batch hidden"], Float[Tensor, "time batch states channels"]]:
    """Return every h_t and every v_t.

    Args:
        coefficients: (1, B or 1, 2, 3 or 6, N), as those of `linear_scan`.
        u: (T, B, inputs N + H), first b, plane by plane, then s.
        initial: (B, 1 or 2, N), the state before the first step.
        weight: W (H, inputs N).

    States are in single precision at least, whatever u is.
    """
    initial = initial.to(wide(initial.dtype))
    choice = pick(Loop.like("linear_scan", u))
    if choice == "reference":
        b, s = _parts(u, coefficients)
        v = reference.linear_scan(coefficients, b, initial)
        return s + torch.nn.functional.linear(_read(v, b), weight), v
    parts = (part.unsqueeze(0) for part in (coefficients, u, initial, weight))
    h, v = _readout(*parts, choice)
    return h.squeeze(0), v.squeeze(0)
