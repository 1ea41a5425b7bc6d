"""The delta memory: a matrix that takes a step of an inner rule on every input.

    R_t = alpha_t S_{t-1},  G_t = (R_t k_t - v_t) k_t^T,  S_t = R_t - beta_t U_t,  o_t = S_t q_t

for each head, where its q and k are silu of their pre-activations at length 1, v is its own, and
beta is the logistic function of its own. G is the gradient of |R k - v|^2 / 2, and U is what the
inner rule makes of it, number by number:

    plain  U_t = p3_t G_t
    trace  V_t = p0_t V_{t-1} + p1_t G_t,  U_t = p2_t V_t + p3_t G_t
    adam   V_t = p0 V_{t-1} + p1 G_t,  M_t = p2 M_{t-1} + (1 - p2) G_t^2,
           U_t = V_t / sqrt(M_t + p3^2)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Float, Int
from .. import reference
from ..backends import loop_of, pick
from ..layout import WIDEST_DELTA, delta_marks
from ..loop import Loop
from ..operators import Tensors, differentiable, operator
from ..precision import wide
from .checks import check_delta, check_delta_backward


def _forward(
    u: Tensor, alpha: Tensor, values: Tensor, start: Tensor, lengths: Tensor, inner: str,
    keep: bool, backend: str,
) -> Tensors:  # fmt: skip
    loop = loop_of(backend, "delta_forward")
    return loop(u, alpha, values, start, lengths, inner, keep)  # type: ignore[no-any-return]


def _backward(
    grad_o: Tensor, grad_end: Tensor, u: Tensor, alpha: Tensor, values: Tensor, lengths: Tensor,
    marks: Tensor, inner: str, backend: str,
) -> Tensors:  # fmt: skip
    loop = loop_of(backend, "delta_backward")
    return loop(grad_o, grad_end, u, alpha, values, lengths, marks, inner)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    u, alpha, p, start, lengths, marks = tensors
    shape = (*u.shape[:3], start.shape[2] * start.shape[-1])
    grad_o = u.new_zeros(shape) if grads[0] is None else grads[0]
    grad_end = torch.zeros_like(start) if grads[1] is None else grads[1]
    inner, _, loop = values
    du, d_alpha, d_start = backward(grad_o, grad_end, u, alpha, p, lengths, marks, inner, loop)
    return du, d_alpha, None, d_start, None, None, None, None


_delta = differentiable(
    operator(
        "delta",
        "(Tensor u, Tensor alpha, Tensor values, Tensor start, Tensor lengths, str inner,"
        " bool keep, str backend) -> (Tensor, Tensor, Tensor)",
        _forward,
        lambda u, alpha, values, start, lengths, inner, keep, backend: (
            u.new_empty(*u.shape[:3], start.shape[2] * start.shape[-1]),
            torch.empty_like(start),
            delta_marks(u, start, keep),
        ),
        check_delta,
    ),
    operator(
        "delta_backward",
        "(Tensor grad_o, Tensor grad_end, Tensor u, Tensor alpha, Tensor values, Tensor lengths,"
        " Tensor marks, str inner, str backend) -> (Tensor, Tensor, Tensor)",
        _backward,
        lambda grad_o, grad_end, u, alpha, values, lengths, marks, inner, backend: tuple(
            map(torch.empty_like, (u, alpha, grad_end))
        ),
        check_delta_backward,
    ),
    lambda inputs, output: ((*inputs[:5], output[2]), inputs[5:]),
    _gradients,
)


def delta(
    u: Float[Tensor, "time batch width"],
    alpha: Float[Tensor, "time batch heads"] | None,
    inner: str,
    values: Float[Tensor, "time_or_1 batch_or_1 4"],
    start: Float[Tensor, "batch heads states d d"],
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "time batch hidden"], Float[Tensor, "batch heads states d d"]]:
    """Run a delta memory over a sequence.

    Args:
        u: (T, B, 3 n d + n or more) pre-activations: q, k and v of all n heads, then beta.
        alpha: (T, B, n), what is kept of S; None stands for 1.
        inner: ``"plain"``, ``"trace"`` or ``"adam"``.
        values: p0 ... p3; they have no gradient. Those of ``"adam"`` are (1, 1, 4).
        start: S, then the inner rule's V and M where it has them, before the first step.
        lengths: (B,) valid steps of each sequence; None means all T.

    Returns:
        o (T, B, n d), whose steps beyond a sequence's length mean nothing, and the states after
        the last valid step.
    """
    choice = pick(Loop.like("delta", u))
    if choice == "triton" and (inner == "adam" or start.shape[-1] > WIDEST_DELTA):
        choice = "torch"
    values = values.detach().to(wide(u.dtype))
    T, B, _ = u.shape
    if choice in ("compiled", "triton"):
        if lengths is None:
            lengths = torch.full((B,), T, dtype=torch.int64, device=u.device)
        alpha = u.new_empty(0) if alpha is None else alpha
        inputs = (u, alpha, values, start, lengths)
        parts = (part.unsqueeze(0) for part in inputs)
        o, end, _ = _delta(*parts, inner, torch.is_grad_enabled(), choice)
        return o.squeeze(0), end.squeeze(0)
    q, k, v, beta = delta_parts(u, start.shape[1])
    alpha = torch.ones_like(beta) if alpha is None else alpha
    if choice == "reference" or inner == "adam":
        o, end = reference.delta(q, k, v, alpha, beta, inner, values, start, lengths)
        return o.flatten(2), end
    if lengths is not None:
        valid = (torch.arange(T, device=u.device)[:, None] < lengths).unsqueeze(-1)
        alpha, beta = torch.where(valid, alpha, 1), torch.where(valid, beta, 0)
        still = values.new_tensor([1.0, 0.0, 0.0, 0.0])
        values = torch.where(valid, values.expand(T, -1, -1), still)
    o, end = loop_of("torch", "delta_chunks")(q, k, v, alpha, beta, values, start)
    return o.flatten(2), end


def delta_parts(u: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return q, k and v (..., heads, d) and beta (..., heads) from the pre-activations."""
    d = (u.shape[-1] // heads - 1) // 3
    q, k, v = (
        part.reshape(*part.shape[:-1], heads, d) for part in u[..., : 3 * heads * d].chunk(3, -1)
    )
    beta = torch.sigmoid(u[..., 3 * heads * d :][..., :heads])
    return _unit(q), _unit(k), v, beta


def _unit(x: Tensor) -> Tensor:
    """Return silu(x) at length 1; what is shorter than 1/1000 becomes shorter than that."""
    x = torch.nn.functional.silu(x)
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)
