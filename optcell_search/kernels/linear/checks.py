"""What stands between a tensor and memory in the linear scans and the delta memory; see `checks`.

Legend: K candidates, T steps, B sequences, N channels, d width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check
from ..layout import DELTA_STATES, FORMS, GATED, delta_marks
from ..precision import wide


def check_linear_scan(coefficients: Tensor, x: Tensor, initial: Tensor, backend: str) -> None:
    """Check the inputs of a linear scan."""
    K, T, B, _, N = x.shape
    steps, rows, planes = coefficients.shape[1:4]
    if planes not in FORMS:
        raise ValueError(f"linear_scan: {planes} planes of coefficients; valid: 2, 3, 6")
    inputs, states = FORMS[planes]
    shapes = (
        # Of each step and sequence, of each sequence, or shared by all.
        (K, T, B, planes, N) if steps > 1 else (K, 1, B if rows > 1 else 1, planes, N),
        (K, T, B, inputs, N),
        (K, B, states, N),
    )
    names = "coefficients", "x", "initial"
    # States of half-precision inputs are wider than these, and factors may be.
    dtypes = {"initial": wide(x.dtype)}
    dtypes |= {names[0]: wide(x.dtype)} if coefficients.dtype != x.dtype else {}
    check("linear_scan", x, names, (coefficients, x, initial), shapes, dtypes)


def check_linear_readout(
    coefficients: Tensor, u: Tensor, initial: Tensor, weight: Tensor, backend: str
) -> None:
    """Check the inputs of a linear scan and of what is read of its states."""
    K, T, B, _ = u.shape
    _, rows, planes, N = coefficients.shape[1:]
    if planes not in FORMS:
        raise ValueError(f"linear_readout: {planes} planes of coefficients; valid: 2, 3, 6")
    inputs, states = FORMS[planes]
    shapes = (
        (K, 1, B if rows > 1 else 1, planes, N),
        (K, T, B, inputs * N + weight.shape[1]),
        (K, B, states, N),
        (K, weight.shape[1], inputs * N),
    )
    names = "coefficients", "u", "initial", "weight"
    # States of half-precision inputs are wider than these, and factors may be.
    dtypes = {"initial": wide(u.dtype)}
    dtypes |= {names[0]: wide(u.dtype)} if coefficients.dtype != u.dtype else {}
    check("linear_readout", u, names, (coefficients, u, initial, weight), shapes, dtypes)


def check_linear_readout_backward(
    grad_h: Tensor, grad_v: Tensor, coefficients: Tensor, u: Tensor, v: Tensor, initial: Tensor,
    weight: Tensor, backend: str,
) -> None:  # fmt: skip
    """Check what flows back into a linear scan and what is read of its states."""
    shapes = (*u.shape[:3], weight.shape[1]), v.shape if grad_v.numel() else (len(v), 0)
    grads, dtypes = (grad_h, grad_v), {"grad_h": u.dtype}
    check("linear_readout backward", v, ("grad_h", "grad_v"), grads, shapes, dtypes)


def check_linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor, backend: str
) -> None:
    """Check what flows back into a linear scan."""
    check("linear_scan backward", v, ("grad",), (grad,), (v.shape,))


def check_gated_scan(x: Tensor, initial: Tensor, kind: str) -> None:
    """Check the inputs of minGRU's or minLSTM's scan."""
    K, T, B, _ = x.shape
    N = initial.shape[-1]
    gates = GATED[kind.rpartition("_")[0]]
    check(kind, x, ("x", "initial"), (x, initial), ((K, T, B, gates * N), (K, B, N)))


def check_gated_scan_backward(
    grad: Tensor, x: Tensor, v: Tensor, initial: Tensor, kind: str
) -> None:
    """Check what flows back into minGRU's or minLSTM's scan."""
    check(f"{kind} backward", v, ("grad",), (grad,), (v.shape,))


def check_delta(
    u: Tensor, alpha: Tensor, values: Tensor, start: Tensor, lengths: Tensor, inner: str,
    keep: bool, backend: str,
) -> None:  # fmt: skip
    """Check the inputs of a delta memory."""
    K, T, B, width = u.shape
    heads, d = start.shape[2], start.shape[-1]
    if width < 3 * heads * d + heads:
        raise ValueError(
            f"delta: Expected u at least {3 * heads * d + heads} wide for {heads} heads of {d}, "
            f"got {width}"
        )
    shared = inner == "adam"
    shapes = (
        (K, T, B, heads) if alpha.numel() else (K, 0),
        (K, 1 if shared or values.shape[1] == 1 else T, 1 if values.shape[2] == 1 else B, 4),
        (K, B, heads, DELTA_STATES[inner], d, d),
        (K, B),
    )
    names = "alpha", "values", "start", "lengths"
    # The memory of half-precision inputs is wider than they are, and what is kept of it may be.
    dtypes = {"lengths": torch.int64} | dict.fromkeys(("values", "start"), wide(u.dtype))
    dtypes |= {"alpha": wide(u.dtype)} if alpha.dtype != u.dtype else {}
    check("delta", u, names, (alpha, values, start, lengths), shapes, dtypes)


def check_delta_backward(
    grad_o: Tensor, grad_end: Tensor, u: Tensor, alpha: Tensor, values: Tensor, lengths: Tensor,
    marks: Tensor, inner: str, backend: str,
) -> None:  # fmt: skip
    """Check what flows back into a delta memory."""
    K, T, B, _ = u.shape
    heads, d = grad_end.shape[2], grad_end.shape[-1]
    shapes = (
        (K, T, B, heads * d),
        (K, B, heads, DELTA_STATES[inner], d, d),
        delta_marks(u, grad_end, True).shape,
    )
    names = "grad_o", "grad_end", "marks"
    dtypes = dict.fromkeys(("grad_end", "marks"), wide(u.dtype))
    check("delta backward", u, names, (grad_o, grad_end, marks), shapes, dtypes)
