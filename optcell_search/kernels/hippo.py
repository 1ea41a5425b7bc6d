"""A gated recurrence that reads a HiPPO memory, over a whole sequence.

    f_t = act(u^f_t + W_fh h_{t-1}),  m_t = A_t m_{t-1} + B_t f_t
    k_t = tanh(u^k_t + W_km vec m_t),  g_t = sigma(u^g_t + W_gm vec m_t)
    h_t = (1 - g_t) h_{t-1} + g_t k_t, or k_t without the gate

Its steps in Python are those of the cell; this is the compiled loop over them.

Legend: K candidates, T steps, B sequences, H hidden width, M signals in memory, N coefficients of
each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..shapes import Float
from .backends import loop_of
from .checks import check
from .operators import Tensors, arguments, differentiable, operator


class HippoWeights(NamedTuple):
    """The weights and the fixed matrices of the recurrence.

    Attributes:
        w_fh: (M, H) from h into the memory, or None.
        w_hm: (H, M N) from the memory into k, or (2 H, M N) into k and g.
        A, B: (N, N) and (N,) of one step, the same for all; or where steps have paces, minus the
            diagonal of LegS's A, (N,), and its B.
    """

    w_fh: Float[Tensor, "signals hidden"] | None
    w_hm: Float[Tensor, "readers coefficients"]
    A: Tensor
    B: Float[Tensor, " order"]


def _check(
    u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor, pace: Tensor, h0: Tensor,
    m0: Tensor, act: bool, keep: bool,
) -> None:  # fmt: skip
    K, T, batch, width = u.shape
    H, (M, N) = h0.shape[-1], m0.shape[2:]
    R = 2 * H if w_hm.shape[1] == 2 * H else H
    if width not in (R, R + M) or not (width > R or w_fh.numel()):
        raise ValueError(f"hippo: Expected u {R + M} wide, or {R} with weights from h, got {width}")
    shapes = (
        (K, M, H) if w_fh.numel() else (K, 0),
        (K, R, M * N),
        (K, N) if pace.numel() else (K, N, N),
        (K, N),
        (K, T, batch if pace.shape[-1] > 1 else 1) if pace.numel() else (K, 0),
        (K, batch, H),
        (K, batch, M, N),
    )
    names = "w_fh", "w_hm", "A", "B", "pace", "h0", "m0"
    check("hippo", u, names, (w_fh, w_hm, A, B, pace, h0, m0), shapes)


def _check_backward(
    grad_h: Tensor, grad_m: Tensor, u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor,
    pace: Tensor, h0: Tensor, m0: Tensor, h: Tensor, kept: Tensor, act: bool,
) -> None:  # fmt: skip
    none, m = (len(h), 0), (*h.shape[:2], *m0.shape[1:])
    shapes = h.shape if grad_h.numel() else none, m if grad_m.numel() else none
    check("hippo backward", h, ("grad_h", "grad_m"), (grad_h, grad_m), shapes)


def _forward(*args: Any) -> Tensors:
    return loop_of("compiled", "hippo_forward")(*args)  # type: ignore[no-any-return]


def _forward_room(
    u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor, pace: Tensor, h0: Tensor,
    m0: Tensor, act: bool, keep: bool,
) -> Tensors:  # fmt: skip
    steps = u.shape[:3]
    kept = u.new_empty(*steps, w_hm.shape[1] + m0.shape[2]) if keep else u.new_empty(len(u), 0)
    return u.new_empty(*steps, h0.shape[-1]), u.new_empty(*steps, *m0.shape[2:]), kept


def _backward(*args: Any) -> Tensors:
    return loop_of("compiled", "hippo_backward")(*args)  # type: ignore[no-any-return]


def _backward_room(
    grad_h: Tensor, grad_m: Tensor, u: Tensor, w_fh: Tensor, w_hm: Tensor, A: Tensor, B: Tensor,
    pace: Tensor, h0: Tensor, m0: Tensor, h: Tensor, kept: Tensor, act: bool,
) -> Tensors:  # fmt: skip
    df = u.new_empty(*u.shape[:3], m0.shape[2])
    return torch.empty_like(u), df, torch.empty_like(h0), torch.empty_like(m0)


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    u, w_fh, w_hm, A, B, pace, h0, m0, h, m, kept = tensors
    none = h.new_empty(len(h), 0)
    grad_h, grad_m = (none if grad is None else grad for grad in grads[:2])
    given = (u, w_fh, w_hm, A, B, pace, h0, m0, h, kept)
    du, df, dh0, dm0 = backward(grad_h, grad_m, *given, *values)
    # Not flatten: it has no rule for the gradients of a Jacobian, which come many at once.
    rows, R = (len(h), h.shape[1] * h.shape[2]), w_hm.shape[1]
    by_memory = du[..., :R].reshape(*rows, R).mT @ m.reshape(*rows, w_hm.shape[2])
    by_hidden = w_fh
    if w_fh.numel():
        before = torch.cat([h0.unsqueeze(1), h[:, :-1]], 1).reshape(*rows, h.shape[-1])
        by_hidden = df.reshape(*rows, df.shape[-1]).mT @ before
    return du, by_hidden, by_memory, None, None, None, dh0, dm0, None, None


_ARGUMENTS = arguments(("u", "w_fh", "w_hm", "A", "B", "pace", "h0", "m0"))
_hippo = differentiable(
    operator(
        "hippo",
        f"({_ARGUMENTS}, bool act, bool keep) -> (Tensor, Tensor, Tensor)",
        _forward,
        _forward_room,
        _check,
    ),
    operator(
        "hippo_backward",
        f"(Tensor grad_h, Tensor grad_m, {_ARGUMENTS}, Tensor h, Tensor kept, bool act)"
        " -> (Tensor, Tensor, Tensor, Tensor)",
        _backward,
        _backward_room,
        _check_backward,
        main=2,
    ),
    lambda inputs, output: ((*inputs[:8], *output), inputs[8:9]),
    _gradients,
)


def hippo(
    u: Float[Tensor, "time batch width"],
    weights: HippoWeights,
    hidden: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch signals order"]],
    pace: Float[Tensor, "time batch_or_1"] | None,
    act: bool,
) -> tuple[Float[Tensor, "time batch hidden"], Float[Tensor, "time batch signals order"]]:
    """Run the recurrence by the compiled kernel.

    Args:
        u: (T, B, W) pre-activations: k, g where there is a gate, and f unless only h is written
            into the memory.
        weights: of the recurrence.
        hidden: h and m before the first step.
        pace: of LegS's bilinear steps, 1/2t each; None where one matrix serves all.
        act: whether act is tanh; else it is nothing.

    Returns:
        h and m after every step.
    """
    none = u.new_empty(0)
    w_fh, w_hm, A, B = weights
    parts = (u, none if w_fh is None else w_fh, w_hm, A, B, none if pace is None else pace, *hidden)
    h, m, _ = _hippo(*(part.unsqueeze(0) for part in parts), act, torch.is_grad_enabled())
    return h.squeeze(0), m.squeeze(0)
