"""Adam's filter, both traces and what they emit at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..shapes import Float, Int
from . import reference
from .backends import loop_of, pick
from .checks import check_normalize, check_normalize_backward
from .layout import normalize_marks
from .loop import Loop
from .operators import Tensors, differentiable, operator
from .precision import wide


def _forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool, backend: str
) -> Tensors:
    return loop_of(backend, "normalize_forward")(z, p, v0, m0, lengths, keep)  # type: ignore[no-any-return]


def _backward(
    grad_u: Tensor, grad_v: Tensor, grad_m: Tensor, z: Tensor, p: Tensor, lengths: Tensor,
    marks: Tensor, backend: str,
) -> Tensors:  # fmt: skip
    loop = loop_of(backend, "normalize_backward")
    return loop(grad_u, grad_v, grad_m, z, p, lengths, marks)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    z, p, lengths, marks = tensors
    grad_u, *finals, _ = grads
    grad_u = torch.zeros_like(z) if grad_u is None else grad_u
    grad_v, grad_m = (torch.zeros_like(z[:, 0]) if grad is None else grad for grad in finals)
    dz, dp, dv, dm = backward(grad_u, grad_v, grad_m, z, p, lengths, marks, *values)
    return dz, dp, dv, dm, None, None, None


_normalize = differentiable(
    operator(
        "normalize",
        "(Tensor z, Tensor p, Tensor v0, Tensor m0, Tensor lengths, bool keep, str backend)"
        " -> (Tensor, Tensor, Tensor, Tensor)",
        _forward,
        lambda z, p, v0, m0, lengths, keep, backend: (
            *map(torch.empty_like, (z, v0, m0)),
            normalize_marks(z, backend, keep),
        ),
        check_normalize,
    ),
    operator(
        "normalize_backward",
        "(Tensor grad_u, Tensor grad_v, Tensor grad_m, Tensor z, Tensor p, Tensor lengths,"
        " Tensor marks, str backend) -> (Tensor, Tensor, Tensor, Tensor)",
        _backward,
        lambda grad_u, grad_v, grad_m, z, p, lengths, marks, backend: tuple(
            map(torch.empty_like, (z, p, grad_v, grad_m))
        ),
        check_normalize_backward,
    ),
    lambda inputs, output: ((inputs[0], inputs[1], inputs[4], output[3]), inputs[6:]),
    _gradients,
)


def normalize(
    z: Float[Tensor, "time batch channels"],
    values: tuple[Tensor, Tensor, Tensor, Tensor],
    traces: tuple[Float[Tensor, "batch channels"], Float[Tensor, "batch channels"]],
    lengths: Int[Tensor, " batch"] | None = None,
    backend: str | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Filter z as Adam does:

        v_t = mu v_{t-1} + s z_t,  m_t = beta m_{t-1} + (1 - beta) z_t^2
        u_t = v_t / sqrt(m_t + eps^2)

    Args:
        z: (T, B, F) pre-activations, or an input.
        values: mu, s, beta and eps, 0-d.
        traces: v and m before the first step, (B, F) each.
        lengths: (B,) valid steps of each sequence; None means all T.
        backend: the kernel, where it has been chosen already.

    Returns:
        u (T, B, F), whose steps beyond a sequence's length mean nothing, and v and m after the
        last valid step.
    """
    backend = backend or pick(Loop.like("normalize", z))
    if backend == "reference":
        return reference.normalize(z, values, traces, lengths)
    T, B, _ = z.shape
    if lengths is None:
        lengths = torch.full((B,), T, dtype=torch.int64, device=z.device)
    p = torch.stack(values).to(wide(z.dtype))
    inputs = (z, p, *traces, lengths)
    u, v, m, _ = _normalize(
        *(part.unsqueeze(0) for part in inputs), torch.is_grad_enabled(), backend
    )
    return u.squeeze(0), (v.squeeze(0), m.squeeze(0))
