"""The trace of an update rule: a linear recurrence of first order, over the whole sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..shapes import Float
from . import reference
from .backends import loop_of, pick
from .checks import check_scan, check_scan_backward
from .loop import Loop
from .operators import Tensors, differentiable, operator


def _forward(decay: Tensor, x: Tensor, initial: Tensor, backend: str) -> Tensor:
    return loop_of(backend, "scan_forward")(decay, x, initial)  # type: ignore[no-any-return]


def _backward(grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor, backend: str) -> Tensors:
    return loop_of(backend, "scan_backward")(grad, decay, v, initial)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    decay, v, initial = tensors
    grad = torch.zeros_like(v) if grads[0] is None else grads[0]
    return *backward(grad, decay, v, initial, *values), None


_scan = differentiable(
    operator(
        "scan",
        "(Tensor decay, Tensor x, Tensor initial, str backend) -> Tensor",
        _forward,
        lambda decay, x, initial, backend: torch.empty_like(x),
        check_scan,
    ),
    operator(
        "scan_backward",
        "(Tensor grad, Tensor decay, Tensor v, Tensor initial, str backend)"
        " -> (Tensor, Tensor, Tensor)",
        _backward,
        lambda grad, decay, v, initial, backend: tuple(map(torch.empty_like, (decay, v, initial))),
        check_scan_backward,
    ),
    lambda inputs, v: ((inputs[0], v, inputs[2]), inputs[3:]),
    _gradients,
)


def scan(
    decay: Float[Tensor, "time_or_1 batch_or_1 1"],
    x: Float[Tensor, "time batch channels"],
    initial: Float[Tensor, "batch channels"],
    backend: str | None = None,
) -> Float[Tensor, "time batch channels"]:
    """Run the linear recurrence q_t = decay_t q_{t-1} + x_t and return every q_t.

    Args:
        decay: (T or 1, B or 1, 1), one factor a step, shared by all channels.
        x: (T, B, F).
        initial: (B, F), the trace q_0 before the first step.
        backend: the kernel, where it has been chosen already.
    """
    backend = backend or pick(Loop.like("scan", x))
    if backend == "reference":
        return reference.scan(decay, x, initial)
    factors = decay.squeeze(-1).expand(len(x), -1)
    parts = (part.unsqueeze(0) for part in (factors, x, initial))
    return _scan(*parts, backend).squeeze(0)  # type: ignore[no-any-return]
