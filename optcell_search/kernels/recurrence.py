"""A gated cell over a whole sequence of filtered pre-activations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..shapes import Float
from . import reference
from .backends import loop_of, pick
from .checks import check_recurrence, check_recurrence_backward
from .layout import recurrence_outputs
from .loop import Loop
from .operators import Tensors, differentiable, operator


def _forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool,
    backend: str,
) -> Tensors:  # fmt: skip
    loop = loop_of(backend, "recurrence_forward")
    return loop(u, weight, bias, h0, c0, kind, keep)  # type: ignore[no-any-return]


def _backward(
    grad_h: Tensor, grad_c: Tensor, weight: Tensor, h0: Tensor, c0: Tensor, h: Tensor, c: Tensor,
    saved: Tensor, kind: str, backend: str,
) -> Tensors:  # fmt: skip
    loop = loop_of(backend, "recurrence_backward")
    return loop(grad_h, grad_c, weight, h0, c0, h, c, saved, kind)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    h, c = tensors[3:5]
    grad_h, grad_c = (
        h.new_empty(len(h), 0) if grad is None or not part.numel() else grad
        for grad, part in zip(grads[:2], (h, c), strict=True)
    )
    return *backward(grad_h, grad_c, *tensors, *values), None, None, None


_recurrence = differentiable(
    operator(
        "recurrence",
        "(Tensor u, Tensor weight, Tensor bias, Tensor h0, Tensor c0, str kind, bool keep,"
        " str backend) -> (Tensor, Tensor, Tensor)",
        _forward,
        lambda u, weight, bias, h0, c0, kind, keep, backend: recurrence_outputs(
            h0, u.shape[1], kind, keep
        ),
        check_recurrence,
    ),
    operator(
        "recurrence_backward",
        "(Tensor grad_h, Tensor grad_c, Tensor weight, Tensor h0, Tensor c0, Tensor h, Tensor c,"
        " Tensor saved, str kind, str backend) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
        _backward,
        lambda grad_h, grad_c, weight, h0, c0, h, c, saved, kind, backend: (
            h.new_empty(*h.shape[:3], weight.shape[1]),
            torch.empty_like(weight),
            weight.new_empty(weight.shape[:2]),
            torch.empty_like(h0),
            torch.empty_like(c0),
        ),
        check_recurrence_backward,
        main=5,
    ),
    lambda inputs, output: ((*inputs[1:2], *inputs[3:5], *output), (inputs[5], inputs[7])),
    _gradients,
)


def recurrence(
    kind: str,
    u: Float[Tensor, "time batch width"],
    weight: Float[Tensor, "width hidden"],
    bias: Float[Tensor, " width"] | None,
    hidden: tuple[Float[Tensor, "batch hidden"], ...],
    backend: str | None = None,
) -> tuple[Float[Tensor, "time batch hidden"], ...]:
    """Run a gated cell over a whole sequence of filtered pre-activations.

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"``, ``"rnn_relu"`` or ``"rnn_modrelu"``, gates in
            torch's order.
        u: (T, B, G H), what the update rule made of z.
        weight: (G H, H) recurrent weights.
        bias: (G H,) recurrent bias, or None; of ``"rnn_modrelu"`` the b of its function
            sign(a) max(|a| + b, 0).
        hidden: h, or h and c, before the first step, (B, H) each.
        backend: the kernel, where it has been chosen already.

    Returns:
        h, or h and c, after every step, (T, B, H) each.
    """
    backend = backend or pick(Loop.like(kind, u, hidden_size=weight.shape[1]))
    offset = weight.new_zeros(len(weight)) if bias is None else bias
    if backend == "reference":
        return reference.recurrence(kind, u, weight, offset, hidden)
    c0 = hidden[1] if kind == "lstm" else u.new_empty(0)
    h, c, _ = _recurrence(
        *(part.unsqueeze(0) for part in (u, weight, offset, hidden[0], c0)),
        kind,
        torch.is_grad_enabled(),
        backend,
    )
    return (h.squeeze(0), c.squeeze(0)) if kind == "lstm" else (h.squeeze(0),)
