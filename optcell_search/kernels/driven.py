"""A gated cell over its input: rule, drive and recurrence in one pass.

What the parts do one after the other, on any device, the compiled kernel does for a few steps of a
few sequences at a time, so that neither the filtered input nor the drive, which is as wide as all
gates, is ever written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..shapes import Float, Int
from .loops import loop_of
from .operators import Tensors, differentiable, operator
from .recurrence import outputs_like

# Steps between two places where the traces are written down (kStretch in layer.h).
STRETCH = 8


# How far back gradients are wanted: to the weights, to x, or to a linear rule and its trace too.
TO_WEIGHTS, TO_INPUT, TO_RULE = range(3)


def marks_of(v0: Tensor, m0: Tensor, steps: int, keep: bool) -> Tensor:
    """Return room for the traces a backward pass starts from, (K, T / STRETCH, 1 or 2, B, ...)."""
    if not (keep and v0.numel()):
        return v0.new_empty(len(v0), 0)
    traces = 2 if m0.numel() else 1
    return v0.new_empty(len(v0), -(-steps // STRETCH), traces, *v0.shape[1:])


def driven_gradients(
    x: Tensor, w_ih: Tensor, b_ih: Tensor, w_hh: Tensor, h0: Tensor, c0: Tensor, p: Tensor,
    linear: Tensor, v0: Tensor, m0: Tensor, wanted: int,
) -> Tensors:  # fmt: skip
    """Return room for the gradients that are wanted, (K, 0) for the others."""

    def room(like: Tensor, needed: bool) -> Tensor:
        return torch.empty_like(like) if needed else like.new_empty(len(like), 0)

    dx = room(x, wanted >= TO_INPUT)
    dv = room(v0, wanted >= TO_RULE or p.numel() > 0)
    dlinear = room(linear, wanted >= TO_RULE)
    biases = torch.empty_like(b_ih), w_hh.new_empty(w_hh.shape[:2])
    weights = torch.empty_like(w_ih), biases[0], torch.empty_like(w_hh), biases[1]
    return dx, *weights, *map(torch.empty_like, (h0, c0, p)), dv, torch.empty_like(m0), dlinear


def _forward(*args: Any) -> Tensors:
    *args, _ = args  # type: ignore[assignment]
    return loop_of("compiled", "driven_forward")(*args)  # type: ignore[no-any-return]


def _room_of_gradients(*args: Any) -> Tensors:
    _, _, grad_v, grad_m, x, w_ih, b_ih, w_hh, h0, c0, p, _, linear, *_, wanted = args
    return driven_gradients(x, w_ih, b_ih, w_hh, h0, c0, p, linear, grad_v, grad_m, wanted)


def _backward(*args: Any) -> Tensors:
    return loop_of("compiled", "driven_backward")(*args)  # type: ignore[no-any-return]


def _room(
    x: Tensor, w_ih: Tensor, b_ih: Tensor, w_hh: Tensor, b_hh: Tensor, h0: Tensor, c0: Tensor,
    p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, linear: Tensor, kind: str, keep: bool,
    wanted: int,
) -> Tensors:  # fmt: skip
    T = x.shape[1]
    traces = torch.empty_like(v0), torch.empty_like(m0), marks_of(v0, m0, T, keep)
    return *outputs_like(h0, T, kind, keep), *traces


def _keep(inputs: tuple[Any, ...], output: Any) -> tuple[Tensors, tuple[Any, ...]]:
    x, w_ih, b_ih, w_hh, _, h0, c0, p, _, _, lengths, linear, kind, _, wanted = inputs
    h, c, saved, v, m, marks = output
    # Of v and m only the forms are needed, those of gradients which may be absent.
    kept = x, w_ih, b_ih, w_hh, h0, c0, p, lengths, linear, h, c, saved, marks, v, m
    return kept, (kind, wanted)


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    *tensors, v, m = tensors  # type: ignore[assignment]
    h, c = tensors[9:11]
    grad_h, grad_c = (
        h.new_empty(len(h), 0) if grad is None or not part.numel() else grad
        for grad, part in zip(grads[:2], (h, c), strict=True)
    )
    grad_v, grad_m = (
        torch.zeros_like(part) if grad is None else grad
        for grad, part in zip(grads[3:5], (v, m), strict=True)
    )
    dx, *others, dv, dm, dlinear = backward(grad_h, grad_c, grad_v, grad_m, *tensors, *values)
    # What nobody wants came back empty.
    dx, dv, dlinear = (part if part.numel() else None for part in (dx, dv, dlinear))
    return dx, *others, dv, dm, None, dlinear, None, None, None


_driven = differentiable(
    operator(
        "driven",
        "(Tensor x, Tensor w_ih, Tensor b_ih, Tensor w_hh, Tensor b_hh, Tensor h0, Tensor c0,"
        " Tensor p, Tensor v0, Tensor m0, Tensor lengths, Tensor linear, str kind, bool keep,"
        " int wanted)"
        " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
        _forward,
        _room,
    ),
    operator(
        "driven_backward",
        "(Tensor grad_h, Tensor grad_c, Tensor grad_v, Tensor grad_m, Tensor x, Tensor w_ih,"
        " Tensor b_ih, Tensor w_hh, Tensor h0, Tensor c0, Tensor p, Tensor lengths, Tensor linear,"
        " Tensor h, Tensor c, Tensor saved, Tensor marks, str kind, int wanted) -> (Tensor, Tensor,"
        " Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
        _backward,
        _room_of_gradients,
        main=4,
        strided=0,
    ),
    _keep,
    _gradients,
)


def driven(
    kind: str,
    x: Float[Tensor, "time batch features"],
    weights: Sequence[Tensor | None],
    hidden: tuple[Float[Tensor, "batch hidden"], ...],
    rule: tuple[Tensor, Tensor, Tensor, Tensor] | Float[Tensor, "time batch_or_1 4"],
    traces: tuple[Tensor, ...] = (),
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Run a gated cell over its input, by the compiled kernel.

        z = W_ih x + b_ih,  u = rule(z),  h_t = cell(u_t, h_{t-1})

    where the rule is Adam's filter or one with four coefficients a step, which as it is linear
    filters x and the constant 1 that b_ih is multiplied with:

        v_t = d_t v_{t-1} + a_t z_t,  u_t = c_t v_t + e_t z_t

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"`` or ``"rnn_relu"``, gates in torch's order.
        x: (T, B, F) input.
        weights: input weights (G H, F), input bias (G H,) or None, recurrent weights (G H, H) and
            recurrent bias (G H,) or None.
        hidden: h, or h and c, before the first step, (B, H) each.
        rule: mu, s, beta and eps of Adam's filter, 0-d; or d, a, c and e of a linear rule in one
            tensor (T, B or 1, 4).
        traces: before the first step: of Adam's filter v and m, (B, G H) each; of a linear rule v,
            (B, F), with the input bias (B, F + 1), or nothing where it keeps none.
        lengths: (B,) valid steps of each sequence, where the rule ends; None means all T.

    Returns:
        h, or h and c, after every step, (T, B, H) each; and the traces after the last valid step.
    """
    w_ih, b_ih, w_hh, b_hh = weights
    assert w_ih is not None
    assert w_hh is not None
    none = w_hh.new_empty(0)
    T, B, _ = x.shape
    c0 = hidden[1] if kind == "lstm" else none
    offset = w_hh.new_zeros(w_hh.shape[0]) if b_hh is None else b_hh
    p = torch.stack(rule).to(x.dtype) if isinstance(rule, tuple) else none
    linear = none if isinstance(rule, tuple) else rule.to(x.dtype).expand(T, B, 4)
    v0, m0 = (*traces, none, none)[:2]
    if lengths is None:
        lengths = torch.full((B,), T, dtype=torch.int64, device=x.device)
    weighted = (x, w_ih, none if b_ih is None else b_ih, w_hh, offset, hidden[0], c0)
    h, c, _, v, m, _ = _driven(
        *(part.unsqueeze(0) for part in (*weighted, p, v0, m0, lengths, linear)),
        kind,
        torch.is_grad_enabled(),
        _wanted(x, linear, v0),
    )
    history = (h.squeeze(0), c.squeeze(0)) if kind == "lstm" else (h.squeeze(0),)
    return history, (v.squeeze(0), m.squeeze(0))[: len(traces)]


def _wanted(x: Tensor, linear: Tensor, v0: Tensor) -> int:
    # What wants a gradient a mapped or transformed function does not tell.
    transformed = torch._C._are_functorch_transforms_active()
    if transformed or linear.requires_grad or v0.requires_grad:
        return TO_RULE
    return TO_INPUT if x.requires_grad else TO_WEIGHTS
