"""A gated cell over a whole sequence of filtered drives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..shapes import Float
from .backends import Loop, pick
from .loops import loop_of
from .operators import Tensors, differentiable, operator

# Vectors of H a cell takes from the drive, and keeps of each step for the backward pass.
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
SAVED = {"lstm": 4, "gru": 4, "rnn_tanh": 0, "rnn_relu": 0}


def outputs_like(h0: Tensor, steps: int, kind: str, keep: bool) -> Tensors:
    """Return room for h, c and what is kept of the steps, (K, T, B, ...) each or (K, 0)."""
    K, B, H = h0.shape
    width = SAVED[kind] * H if keep else 0
    return (
        h0.new_empty(K, steps, B, H),
        h0.new_empty(K, steps, B, H) if kind == "lstm" else h0.new_empty(K, 0),
        h0.new_empty(K, steps, B, width) if width else h0.new_empty(K, 0),
    )


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


def weight_gradients(
    du: Tensor, dn: Tensor, h: Tensor, h0: Tensor, kind: str
) -> tuple[Tensor, Tensor]:
    """Return the gradients of recurrent weights and bias, one matrix product over all steps.

    Only GRU's last gate, whose recurrent part is scaled by r, has another gradient there (`dn`)
    than at the drive (`du`).
    """
    parts = [du[..., : 2 * h.shape[-1]], dn] if kind == "gru" else [du]
    weight = torch.cat([_weight_gradient(part, h, h0) for part in parts], 1)
    return weight, torch.cat([part.sum((1, 2)) for part in parts], 1)


def _weight_gradient(da: Tensor, h: Tensor, h0: Tensor) -> Tensor:
    """sum_t da_t^T h_{t-1}: (K, T, B, A), (K, T, B, H), (K, B, H) -> (K, A, H)."""
    first = da[:, 0].mT @ h0
    if da.shape[1] == 1:
        return first
    return torch.baddbmm(first, da[:, 1:].flatten(1, 2).mT, h[:, :-1].flatten(1, 2))


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
        lambda u, weight, bias, h0, c0, kind, keep, backend: outputs_like(
            h0, u.shape[1], kind, keep
        ),
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
        main=5,
    ),
    lambda inputs, output: ((*inputs[1:2], *inputs[3:5], *output), (inputs[5], inputs[7])),
    _gradients,
)


def recurrence(
    kind: str,
    u: Float[Tensor, "time batch drive"],
    weight: Float[Tensor, "drive hidden"],
    bias: Float[Tensor, " drive"] | None,
    hidden: tuple[Float[Tensor, "batch hidden"], ...],
) -> tuple[Float[Tensor, "time batch hidden"], ...]:
    """Run a gated cell over a whole sequence of filtered drives.

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"`` or ``"rnn_relu"``, gates in torch's order.
        u: (T, B, G H), what the update rule made of the drive.
        weight: (G H, H) recurrent weights.
        bias: (G H,) recurrent bias, or None.
        hidden: h, or h and c, before the first step, (B, H) each.

    Returns:
        h, or h and c, after every step, (T, B, H) each.
    """
    choice = pick(Loop.like(kind, u, hidden_size=weight.shape[1]))
    offset = weight.new_zeros(len(weight)) if bias is None else bias
    c0 = hidden[1] if kind == "lstm" else u.new_empty(0)
    h, c, _ = _recurrence(
        *(part.unsqueeze(0) for part in (u, weight, offset, hidden[0], c0)),
        kind,
        torch.is_grad_enabled(),
        choice,
    )
    return (h.squeeze(0), c.squeeze(0)) if kind == "lstm" else (h.squeeze(0),)
