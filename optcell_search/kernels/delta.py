"""The delta memory: a matrix that takes a step of an inner rule on every input.

    R_t = alpha_t S_{t-1},  G_t = (R_t k_t - v_t) k_t^T,  S_t = R_t - beta_t U_t,  o_t = S_t q_t

G is the gradient of |R k - v|^2 / 2, and U is what the inner rule makes of it, number by number:

    plain  U_t = p3_t G_t
    trace  V_t = p0_t V_{t-1} + p1_t G_t,  U_t = p2_t V_t + p3_t G_t
    adam   V_t = p0 V_{t-1} + p1 G_t,  M_t = p2 M_{t-1} + (1 - p2) G_t^2,
           U_t = V_t / sqrt(M_t + p3^2)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..shapes import Float, Int
from . import reference
from .backends import loop_of, pick
from .layout import delta_marks
from .loop import Loop
from .operators import Tensors, differentiable, operator
from .precision import wide


def _forward(
    q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, values: Tensor, start: Tensor,
    lengths: Tensor, inner: str, keep: bool,
) -> Tensors:  # fmt: skip
    loop = loop_of("compiled", "delta_forward")
    return loop(q, k, v, alpha, beta, values, start, lengths, inner, keep)  # type: ignore[no-any-return]


def _backward(
    grad_o: Tensor, grad_end: Tensor, q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor,
    values: Tensor, lengths: Tensor, marks: Tensor, inner: str,
) -> Tensors:  # fmt: skip
    loop = loop_of("compiled", "delta_backward")
    return loop(grad_o, grad_end, q, k, v, alpha, beta, values, lengths, marks, inner)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    *inputs, start, lengths, marks = tensors
    grad_o = torch.zeros_like(inputs[2]) if grads[0] is None else grads[0]
    grad_end = torch.zeros_like(start) if grads[1] is None else grads[1]
    *by_inputs, by_start = backward(grad_o, grad_end, *inputs, lengths, marks, values[0])
    return *by_inputs, None, by_start, None, None, None


_delta = differentiable(
    operator(
        "delta",
        "(Tensor q, Tensor k, Tensor v, Tensor alpha, Tensor beta, Tensor values, Tensor start,"
        " Tensor lengths, str inner, bool keep) -> (Tensor, Tensor, Tensor)",
        _forward,
        lambda q, k, v, alpha, beta, values, start, lengths, inner, keep: (
            torch.empty_like(v),
            torch.empty_like(start),
            delta_marks(v, start, keep),
        ),
    ),
    operator(
        "delta_backward",
        "(Tensor grad_o, Tensor grad_end, Tensor q, Tensor k, Tensor v, Tensor alpha, Tensor beta,"
        " Tensor values, Tensor lengths, Tensor marks, str inner)"
        " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
        _backward,
        lambda grad_o, grad_end, q, k, v, alpha, beta, values, lengths, marks, inner: tuple(
            map(torch.empty_like, (q, k, v, alpha, beta, grad_end))
        ),
    ),
    lambda inputs, output: ((*inputs[:8], output[2]), inputs[8:]),
    _gradients,
)


def delta(
    q: Float[Tensor, "time batch heads width"],
    k: Float[Tensor, "time batch heads width"],
    v: Float[Tensor, "time batch heads width"],
    alpha: Float[Tensor, "time batch heads"],
    beta: Float[Tensor, "time batch heads"],
    inner: str,
    values: Float[Tensor, "time_or_1 batch_or_1 4"],
    start: Float[Tensor, "batch heads states width width"],
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[
    Float[Tensor, "time batch heads width"], Float[Tensor, "batch heads states width width"]
]:
    """Run a delta memory over a sequence.

    Args:
        q, k, v: (T, B, n, d) queries, keys and values.
        alpha, beta: (T, B, n), what is kept of S, and the step size.
        inner: ``"plain"``, ``"trace"`` or ``"adam"``.
        values: p0 ... p3; they have no gradient. Those of ``"adam"`` are (1, 1, 4).
        start: S, then the inner rule's V and M where it has them, before the first step.
        lengths: (B,) valid steps of each sequence; None means all T.

    Returns:
        o (T, B, n, d), whose steps beyond a sequence's length mean nothing, and the states after
        the last valid step.
    """
    choice = pick(Loop.like("delta", v))
    values = values.detach().to(wide(v.dtype))
    if choice == "compiled":
        if lengths is None:
            lengths = torch.full((v.shape[1],), v.shape[0], dtype=torch.int64, device=v.device)
        inputs = (q, k, v, alpha, beta, values, start, lengths)
        o, end, _ = _delta(*(part.unsqueeze(0) for part in inputs), inner, torch.is_grad_enabled())
        return o.squeeze(0), end.squeeze(0)
    if choice == "reference" or inner == "adam":
        return reference.delta(q, k, v, alpha, beta, inner, values, start, lengths)
    if lengths is not None:
        valid = (torch.arange(v.shape[0], device=v.device)[:, None] < lengths).unsqueeze(-1)
        alpha, beta = torch.where(valid, alpha, 1), torch.where(valid, beta, 0)
        still = values.new_tensor([1.0, 0.0, 0.0, 0.0])
        values = torch.where(valid, values.expand(v.shape[0], -1, -1), still)
    return loop_of("torch", "delta_chunks")(q, k, v, alpha, beta, values, start)  # type: ignore[no-any-return]
