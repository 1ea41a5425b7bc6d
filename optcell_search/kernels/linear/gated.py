"""The recurrences of minGRU and minLSTM, whose gates and candidate see the input alone.

    min_gru   h_t = (1 - z) h_{t-1} + z g(x),           pre-activations z, x
    min_lstm  h_t = f h_{t-1} + i g(x), f + i = 1,      pre-activations f, i, x

The gates are logistic, min_lstm's divided by their sum. g is the identity, or x + 1/2 above 0 and
the logistic function below.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Float
from ..backends import loop_of, pick
from ..loop import Loop
from ..operators import Tensors, differentiable, operator
from ..precision import wide
from .checks import check_gated_scan, check_gated_scan_backward
from .scan import linear_scan


def _forward(x: Tensor, initial: Tensor, kind: str) -> Tensor:
    return loop_of("compiled", "gated_scan_forward")(x, initial, kind)  # type: ignore[no-any-return]


def _backward(grad: Tensor, x: Tensor, v: Tensor, initial: Tensor, kind: str) -> Tensors:
    loop = loop_of("compiled", "gated_scan_backward")
    return loop(grad, x, v, initial, kind)  # type: ignore[no-any-return]


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    x, v, initial = tensors
    grad = torch.zeros_like(v) if grads[0] is None else grads[0]
    return *backward(grad, x, v, initial, *values), None


_scan = differentiable(
    operator(
        "gated_scan",
        "(Tensor x, Tensor initial, str kind) -> Tensor",
        _forward,
        lambda x, initial, kind: x.new_empty(*x.shape[:3], initial.shape[-1]),
        check_gated_scan,
        strided=0,
    ),
    operator(
        "gated_scan_backward",
        "(Tensor grad, Tensor x, Tensor v, Tensor initial, str kind) -> (Tensor, Tensor)",
        _backward,
        lambda grad, x, v, initial, kind: (torch.empty_like(x), torch.empty_like(initial)),
        check_gated_scan_backward,
        main=1,
        strided=1,
    ),
    lambda inputs, v: ((inputs[0], v, inputs[1]), inputs[2:]),
    _gradients,
)


def gated_scan(
    kind: str,
    candidate: str,
    x: Float[Tensor, "time batch projection"],
    initial: Float[Tensor, "batch channels"],
) -> Float[Tensor, "time batch channels"]:
    """Return h after every step.

    Args:
        kind: ``"min_gru"`` or ``"min_lstm"``.
        candidate: ``"positive"`` or ``"identity"``, which g.
        x: (T, B, 2 N or 3 N) pre-activations.
        initial: (B, N), h before the first step.

    h is in single precision at least, whatever x is.
    """
    if pick(Loop.like("linear_scan", x)) == "compiled":
        parts = (part.unsqueeze(0) for part in (x, initial))
        return _scan(*parts, f"{kind}_{candidate}").squeeze(0)  # type: ignore[no-any-return]
    keep, take, new = gates(kind, candidate, x)
    coefficients = torch.stack([keep, take], -2)
    return linear_scan(coefficients, new.unsqueeze(-2), initial.unsqueeze(-2)).squeeze(-2)


def gates(kind: str, candidate: str, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what is kept of h, what is taken of the candidate, and the candidate, (..., N).

    The first two in single precision at least: in bfloat16 0.999 is 1.
    """
    *gates, new = x.chunk(2 if kind == "min_gru" else 3, -1)
    gates = [gate.to(wide(x.dtype)) for gate in gates]
    logit = gates[0] if kind == "min_gru" else log_ratio(*gates)
    if candidate == "positive":
        new = torch.where(new < 0, torch.sigmoid(new), new + 0.5)
    kept = torch.sigmoid(-logit if kind == "min_gru" else logit)
    return kept, torch.sigmoid(logit if kind == "min_gru" else -logit), new


def log_ratio(forget: Tensor, input: Tensor) -> Tensor:
    """Return log(sigmoid(forget) / sigmoid(input)): its logistic function is f / (f + i)."""
    softplus = torch.nn.functional.softplus
    return softplus(-input) - softplus(-forget)
