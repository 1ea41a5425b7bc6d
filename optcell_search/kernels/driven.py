"""A gated cell over its input: drive, Adam's filter where there is one, and recurrence in one pass.

What the parts do one after the other, on any device, the compiled kernel does for a few steps of a
few sequences at a time, so that the drive, which is as wide as all gates, is never written down.
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


def marks_of(v0: Tensor, steps: int, keep: bool) -> Tensor:
    """Return room for the traces a backward pass starts from, (K, T / STRETCH, 2, B, G H)."""
    if not (keep and v0.numel()):
        return v0.new_empty(len(v0), 0)
    return v0.new_empty(len(v0), -(-steps // STRETCH), 2, *v0.shape[1:])


def driven_gradients(
    x: Tensor, w_ih: Tensor, b_ih: Tensor, w_hh: Tensor, h0: Tensor, c0: Tensor, p: Tensor,
    v0: Tensor, m0: Tensor, wanted: bool,
) -> Tensors:  # fmt: skip
    """Return room for the gradients; that of x only where it is wanted."""
    dx = torch.empty_like(x) if wanted else x.new_empty(len(x), 0)
    biases = torch.empty_like(b_ih), w_hh.new_empty(w_hh.shape[:2])
    weights = torch.empty_like(w_ih), biases[0], torch.empty_like(w_hh), biases[1]
    return dx, *weights, *map(torch.empty_like, (h0, c0, p, v0, m0))


def _forward(*args: Any) -> Tensors:
    *args, _ = args  # type: ignore[assignment]
    return loop_of("compiled", "driven_forward")(*args)  # type: ignore[no-any-return]


def _room_of_gradients(*args: Any) -> Tensors:
    _, _, grad_v, grad_m, x, w_ih, b_ih, w_hh, h0, c0, p, *_, wanted = args
    return driven_gradients(x, w_ih, b_ih, w_hh, h0, c0, p, grad_v, grad_m, wanted)


def _backward(*args: Any) -> Tensors:
    return loop_of("compiled", "driven_backward")(*args)  # type: ignore[no-any-return]


def _room(
    x: Tensor, w_ih: Tensor, b_ih: Tensor, w_hh: Tensor, b_hh: Tensor, h0: Tensor, c0: Tensor,
    p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, kind: str, keep: bool, wanted: bool,
) -> Tensors:  # fmt: skip
    T = x.shape[1]
    traces = torch.empty_like(v0), torch.empty_like(m0), marks_of(v0, T, keep)
    return *outputs_like(h0, T, kind, keep), *traces


def _keep(inputs: tuple[Any, ...], output: Any) -> tuple[Tensors, tuple[Any, ...]]:
    x, w_ih, b_ih, w_hh, _, h0, c0, p, _, _, lengths, kind, _, wanted = inputs
    h, c, saved, v, _, marks = output
    # Of v only the form is needed, that of a gradient which may be absent.
    return (x, w_ih, b_ih, w_hh, h0, c0, p, lengths, h, c, saved, marks, v), (kind, wanted)


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    *tensors, v = tensors  # type: ignore[assignment]
    h, c = tensors[8:10]
    grad_h, grad_c = (
        h.new_empty(len(h), 0) if grad is None or not part.numel() else grad
        for grad, part in zip(grads[:2], (h, c), strict=True)
    )
    grad_v, grad_m = (torch.zeros_like(v) if grad is None else grad for grad in grads[3:5])
    dx, *others = backward(grad_h, grad_c, grad_v, grad_m, *tensors, *values)
    return dx if values[-1] else None, *others, None, None, None, None


_driven = differentiable(
    operator(
        "driven",
        "(Tensor x, Tensor w_ih, Tensor b_ih, Tensor w_hh, Tensor b_hh, Tensor h0, Tensor c0,"
        " Tensor p, Tensor v0, Tensor m0, Tensor lengths, str kind, bool keep, bool wanted)"
        " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
        _forward,
        _room,
    ),
    operator(
        "driven_backward",
        "(Tensor grad_h, Tensor grad_c, Tensor grad_v, Tensor grad_m, Tensor x, Tensor w_ih,"
        " Tensor b_ih, Tensor w_hh, Tensor h0, Tensor c0, Tensor p, Tensor lengths, Tensor h,"
        " Tensor c, Tensor saved, Tensor marks, str kind, bool wanted) -> (Tensor, Tensor, Tensor,"
        " Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
        _backward,
        _room_of_gradients,
        main=4,
    ),
    _keep,
    _gradients,
)


def driven(
    kind: str,
    x: Float[Tensor, "time batch features"],
    weights: Sequence[Tensor | None],
    hidden: tuple[Float[Tensor, "batch hidden"], ...],
    values: tuple[Tensor, Tensor, Tensor, Tensor] | None = None,
    traces: tuple[Tensor, Tensor] | None = None,
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Run a gated cell over its input, by the compiled kernel.

        z = W_ih x + b_ih,  u = z or what Adam's filter makes of it,  h_t = cell(u_t, h_{t-1})

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"`` or ``"rnn_relu"``, gates in torch's order.
        x: (T, B, F) input.
        weights: input weights (G H, F), input bias (G H,) or None, recurrent weights (G H, H) and
            recurrent bias (G H,) or None.
        hidden: h, or h and c, before the first step, (B, H) each.
        values: mu, s, beta and eps of the filter, 0-d; None: no filter.
        traces: v and m of the filter before the first step, (B, G H) each.
        lengths: (B,) valid steps of each sequence, where the filter ends; None means all T.

    Returns:
        h, or h and c, after every step, (T, B, H) each; and v and m after the last valid step, or
        nothing without a filter.
    """
    w_ih, b_ih, w_hh, b_hh = weights
    assert w_ih is not None
    assert w_hh is not None
    none = w_hh.new_empty(0)
    T, B, _ = x.shape
    c0 = hidden[1] if kind == "lstm" else none
    offset = w_hh.new_zeros(w_hh.shape[0]) if b_hh is None else b_hh
    filtering: tuple[Tensor, ...] = (none, none, none, none)
    if values is not None and traces is not None:
        if lengths is None:
            lengths = torch.full((B,), T, dtype=torch.int64, device=x.device)
        filtering = (torch.stack(values).to(x.dtype), *traces, lengths)
    inputs = (x, w_ih, none if b_ih is None else b_ih, w_hh, offset, hidden[0], c0, *filtering)
    # Whether x wants a gradient a mapped or transformed function does not tell.
    wanted = x.requires_grad or torch._C._are_functorch_transforms_active()
    h, c, _, v, m, _ = _driven(
        *(part.unsqueeze(0) for part in inputs), kind, torch.is_grad_enabled(), wanted
    )
    history = (h.squeeze(0), c.squeeze(0)) if kind == "lstm" else (h.squeeze(0),)
    return history, () if values is None else (v.squeeze(0), m.squeeze(0))
